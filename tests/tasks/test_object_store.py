"""Images behind s3:// URLs, from a real server: the same audit, and what goes wrong on the way."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.config import AuditConfig
from tasks.errors import AuditError
from tasks.explain.shard import explain_shard
from tasks.index.plan import plan_audit, write_plan
from tasks.tables.storage import RunFolder
from tests.tasks.object_store import client_of, forget_clients, object_store
from tests.tasks.packed_images import pack, pictures, read_all, rows
from tests.tasks.tiny_audit import auditor_of, configure, draw_folders, table

PLACES = ["uri", "content_key"]  # what says where a file is


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with object_store(tmp_path_factory.mktemp("client")) as filesystem:
        yield filesystem


def upload(store: Any, folder: Path, prefix: str) -> str:
    store.put(str(folder), f"images/{prefix}", recursive=True)
    return f"s3://images/{prefix}"


def first_pass(config: AuditConfig) -> RunFolder:
    plan = plan_audit(config)
    write_plan(plan)
    auditor = auditor_of(plan, threads=2)
    for shard in plan.shards:
        explain_shard(auditor, config.out, shard)
    return plan.run


def test_tables_are_those_of_the_local_folder(store: Any, tmp_path: Path) -> None:
    folder = draw_folders(tmp_path / "set", 2)
    images = upload(store, folder, "audited")
    one = first_pass(configure(tmp_path / "one", folder, shard_size=4))
    two = first_pass(configure(tmp_path / "two", images, shard_size=4))
    for name in (entry.name for entry in (one.root / "tables").iterdir()):
        a, b = (table(run, name).drop(columns=PLACES, errors="ignore") for run in (one, two))
        pd.testing.assert_frame_equal(a, b, check_exact=True)
    assert list(table(two, "manifest")["uri"]) == [
        f"{images}/{uri.removeprefix(f'{folder}/')}" for uri in table(one, "manifest")["uri"]
    ]


def test_an_object_that_is_added_changed_or_gone(store: Any, tmp_path: Path) -> None:
    drawn = pictures(tmp_path, 4)
    for i in range(3):
        store.pipe(f"images/moving/{i} ü#.png", drawn[i])
    first = rows("s3://images/moving")
    assert read_all(first) == drawn[:3]
    store.pipe("images/moving/1 ü#.png", drawn[3])
    store.pipe("images/moving/4.png", drawn[0])
    store.rm("images/moving/2 ü#.png")
    assert read_all(first)[:2] == [drawn[0], drawn[3]]
    assert read_all(first)[2].startswith("FileNotFoundError")
    second = rows("s3://images/moving")
    uris = [row["uri"] for row in first]
    assert [row["uri"] for row in second] == [*uris[:2], "s3://images/moving/4.png"]
    keys = [[row["content_key"] for row in found[:2]] for found in (first, second)]
    assert keys[0][0] == keys[1][0] and keys[0][1] != keys[1][1]


def test_manifests_parquet_and_tar_there(store: Any, tmp_path: Path) -> None:
    drawn, local = pictures(tmp_path / "drawn", 6), tmp_path / "set"
    for i in (0, 1):
        own = drawn[3 * i : 3 * i + 3]
        pack(local / f"t-{i}.tar", {f"{n}.png": own[n] for n in range(3)} | {"0.cls": b"2"})
        pq.write_table(pa.table({"image": own}), local / f"p-{i}.parquet", row_group_size=2)
    (local / "0.png").write_bytes(drawn[0])
    (local / "m.csv").write_text("uri,label\n0.png,1\ns3://images/mixed/0.png,2\n")
    images = upload(store, local, "mixed")
    for pattern in ("t-{0..1}.tar", "p-*.parquet"):
        found = rows(f"{images}/{pattern}")
        assert read_all(found) == drawn and read_all(found[::-1]) == drawn[::-1]
    assert [row["label"] for row in rows(f"{images}/t-?.tar")] == [2, -1, -1] * 2
    manifest = rows(f"{images}/m.csv")
    assert read_all(manifest) == [drawn[0]] * 2 and [row["label"] for row in manifest] == [1, 2]
    with pytest.raises(AuditError, match=r"t-2.tar does not exist"):
        rows(f"{images}/t-{{0..2}}.tar")


@pytest.mark.usefixtures("store")
def test_no_such_bucket_or_prefix() -> None:
    for images in ("s3://nowhere", "s3://nowhere/images", "s3://images/none", "s3://nowhere/*.tar"):
        with pytest.raises(AuditError, match=f"images '{images}' do not exist".replace("*", r"\*")):
            rows(images)


@pytest.fixture
def new_clients(store: Any) -> Iterator[None]:
    forget_clients()
    yield
    forget_clients()


@pytest.mark.usefixtures("new_clients")
def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(AuditError, match=r"Unable to locate credentials.*docs/sources.md"):
        rows("s3://images/moving")


def test_objects_that_go_between_listing_and_reading_are_failures(
    store: Any, tmp_path: Path
) -> None:
    images = upload(store, draw_folders(tmp_path / "set", 2), "going")
    plan = plan_audit(configure(tmp_path / "audit", images))
    write_plan(plan)
    store.rm("images/going/bee/1.png")
    record = explain_shard(auditor_of(plan, threads=2), plan.config.out, plan.shards[0])
    assert (record["images"], record["failed"]) == (6, 1)
    (failure,) = table(plan.run, "failures").to_dict("records")
    assert failure["uri"] == f"{images}/bee/1.png" and failure["stage"] == "read"
    assert failure["error"].startswith("FileNotFoundError")
    assert list(table(plan.run, "predictions")["image_id"]) == [0, 1, 2, 4, 5]


@pytest.mark.usefixtures("store")
def test_a_server_that_never_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and that is all
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with client_of(address, tmp_path, patience=0.05):
            (told,) = read_all([{"uri": "s3://images/0.png"}])
            with pytest.raises(AuditError, match=r"cannot be read: .*imeout"):
                rows("s3://images/set")
    assert "imeout" in str(told)


@pytest.mark.usefixtures("store")
def test_no_server(tmp_path: Path) -> None:
    unreachable = pytest.raises(AuditError, match="cannot be read: Could not connect")
    with client_of("http://127.0.0.1:9", tmp_path), unreachable:
        rows("s3://images/set")
