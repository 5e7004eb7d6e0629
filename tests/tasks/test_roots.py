"""Uris that lead out of the folders that a manifest may read."""

import os
import zipfile
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.config import load_config
from tasks.errors import AuditError
from tasks.images.decoding import ImageSource, UnreadableImage
from tasks.images.masks import read_mask
from tasks.index.manifest import build_manifest
from tasks.index.roots import Roots
from tasks.training.config import load_train_config
from tasks.training.examples import list_examples
from tests.tasks.tiny_audit import draw


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder of images, with links to a secret beside it."""
    base = tmp_path / "base"
    draw(base / "a.png")
    draw(base / "sub" / "b.png")
    secret = draw(tmp_path / "secret.png")
    (base / "link.png").symlink_to(secret)
    (base / "links").symlink_to(tmp_path)
    (base / "inside.png").symlink_to("a.png")
    (tmp_path / "base2").mkdir()
    draw(tmp_path / "base2" / "c.png")
    table = pa.table({"bytes": [secret.read_bytes()]})
    pq.write_table(table, tmp_path / "secret.parquet")
    (base / "rows.parquet").symlink_to(tmp_path / "secret.parquet")
    (base / "x.parquet#0").symlink_to(secret)
    with zipfile.ZipFile(base / "z.zip", "w") as archive:
        archive.write(secret, "s.png")
    return base


OUTSIDE = (
    "{base}/../secret.png", "{base}/sub/../../secret.png", "{base}/link.png", "/etc/passwd",
    "{base}/links/secret.png", "{base}/links/base2/c.png", "{up}/secret.png", "{base}2/c.png",
    "{base}/rows.parquet#0", "{up}/secret.parquet#0", "{base}/x.parquet#0", "{up}/coco.json#1",
    "file://{up}/secret.png", "file://{base}/../secret.png", "file://{base}/link.png",
    "local://{up}/secret.png", "file://secret.png", "file://~/x.png", "FILE://{base}/../secret.png",
    "simplecache::file://{up}/secret.png", "filecache::file://{base}/link.png",
    "simplecache://{up}/secret.png::file://{base}/a.png",  # a cache's own path is what it reads
    "zip://s.png::file://{up}/z.zip", "zip://s.png::simplecache::file://{up}/z.zip",
    "zip://s.png::file://{up}/secret.png::file://{base}/z.zip", "reference://x::file://{base}/a.png",
    "dir://secret.png::file://{up}", "file://{base}/a.png::{up}/secret.png", "git://{up}:x.png",
    "http://example.org/x.png", "https://example.org{base}/a.png", "s3://bucket/x.png",
    "memory://x.png", "data://x.png", "ssh://host{base}/a.png", "c://{base}/a.png", "{base}/x://a.png",
)  # fmt: skip


@pytest.mark.parametrize("uri", OUTSIDE)
@pytest.mark.parametrize("column", ["uri", "mask_uri"])
def test_what_leads_out_is_an_error_that_names_the_row(base: Path, uri: str, column: str) -> None:
    uri = uri.format(base=base, up=base.parent)
    (base / "m.csv").write_text(f"uri,mask_uri\na.png,\na.png,{uri}\n" if column == "mask_uri"
                                else f"uri\na.png\n{uri}\n")  # fmt: skip
    with pytest.raises(AuditError) as error:
        build_manifest(str(base / "m.csv"), ["x"], None, None)
    for words in ("m.csv", f"{column} in line 3", repr(uri), f"expected it in {base}.", "--root"):
        assert words in str(error.value)


INSIDE = (
    "a.png", "./sub/../a.png", "sub/b.png", "inside.png", "{base}/a.png", "{base}/../base/a.png",
    "file://{base}/a.png", "simplecache::file://{base}/a.png", "zip://s.png::file://{base}/z.zip",
    "zip://s.png::{base}/z.zip", "{base}/links/base/a.png",
)  # fmt: skip


@pytest.mark.parametrize("uri", INSIDE)
def test_what_stays_inside_is_read(base: Path, uri: str) -> None:
    (base / "m.csv").write_text(f"uri,mask_uri\n{uri},{uri}\n".format(base=base))
    (row,) = build_manifest(str(base / "m.csv"), ["x"], None, None)[0].to_pylist()
    assert ImageSource().read(row["uri"]).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "name", ["%2e%2e/secret.png", "..%2fsecret.png", "*", "l*k.png", "?ink.png", "a.png::b", "~"]
)
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_names_of_files_are_no_patterns_and_are_not_decoded(
    base: Path, name: str, scheme: str
) -> None:
    """What is let through as a name inside is read as that name, or not at all."""
    uri = f"{scheme}{base}/{name}"
    if Roots([str(base)]).hold(uri):
        with pytest.raises(UnreadableImage, match="No such file"):
            ImageSource().read(uri)
    with pytest.raises(UnreadableImage, match=r"No such file|cannot be read"):
        read_mask(ImageSource(), f"{base}/{name}.json#1")
    with pytest.raises(UnreadableImage, match=r"No such file"):
        ImageSource().read(f"{base}/{name}.parquet#1")


HTTP = "https://host/data"


@pytest.mark.parametrize(
    ("uri", "inside"),
    [
        (f"{HTTP}/a.png", True), (f"{HTTP}/sub/a.png?size=1", True), (f"{HTTP}/a%20b.png", True),
        (f"simplecache::{HTTP}/a.png", True), (f"{HTTP}2/a.png", False),
        (f"{HTTP}/../a.png", False), (f"{HTTP}/%2e%2e/a.png", False),
        (f"{HTTP}/%252e%252e/a.png", False), (f"{HTTP}/..%2fa.png", False),
        (f"{HTTP}/..%5ca.png", False), (f"{HTTP}/..\\a.png", False), (f"{HTTP}/..;/a.png", False),
        (f"{HTTP}/.%09./a.png", False), ("https://host/other/a.png", False),
        ("http://host/data/a.png", False), ("https://host:8080/data/a.png", False),
        ("https://host@evil/data/a.png", False), ("https://host\\@evil/data/a.png", False),
        ("https://evil/?/host/data/a.png", False), ("https://evil#https://host/data/a.png", False),
        ("https://host?/data/a.png", False), ("s3://host/data/a.png", False),
        (f"simplecache://x::{HTTP}/a.png", False), (f"reference://x::{HTTP}/a.json", False),
        ("/data/a.png", False), (f"zip://a.png::{HTTP}/a.zip", True),
    ],
)  # fmt: skip
def test_urls(uri: str, inside: bool) -> None:
    assert Roots([f"{HTTP}/"]).hold(uri) == inside


@pytest.mark.parametrize(
    "uri",
    [
        "/out/a.tar#1+2/x.png",
        "/out/a.tar#1+2/../../data/x.png",
        "/out/a.tar#1+2/../../data/b.tar#3+4/x.png",
        "/data/../out/a.tar#1+2/x.png",
        "/out/a.parquet#1",
        "/out/a.parquet#1/../../data/b.png",
        "/out/a.json#1",
        "s3://out/a.tar#1+2/x.png",
    ],
)
def test_the_file_that_holds_a_member_or_a_row_is_what_has_to_lie_inside(uri: str) -> None:
    assert not Roots(["/data"]).hold(uri)
    inside = uri.replace("s3://out", "/data").replace("/out/", "/data/").replace("../", "")
    assert Roots(["/data"]).hold(inside)


def test_several_roots_stand_in_the_place_of_the_manifests_own_folder(base: Path) -> None:
    up = base.parent
    (base / "m.csv").write_text(f"uri,mask_uri\n{up}/secret.png,{up}/base2/c.png\n")
    given = (str(up / "secret.png"), f"file://{up}/base2")
    (row,) = build_manifest(str(base / "m.csv"), ["x"], None, None, given)[0].to_pylist()
    assert row["uri"] == str(up / "secret.png")
    (base / "m.csv").write_text("uri\na.png\n")
    with pytest.raises(AuditError, match=f"expected it in {given[0]} or {given[1]}"):
        build_manifest(str(base / "m.csv"), ["x"], None, None, given)
    build_manifest(str(base / "m.csv"), ["x"], None, None, ("/",))


@pytest.mark.parametrize("root", ["https://host/../x", "file://relative", "reference://x::/a"])
def test_a_root_that_is_no_place(base: Path, root: str) -> None:
    with pytest.raises(AuditError, match="no certain place"):
        build_manifest(str(base), ["x"], None, None, (root,))


def test_rows_of_parquet_files(base: Path) -> None:
    pq.write_table(pa.table({"uri": ["a.png", "link.png"]}), base / "m.parquet")
    with pytest.raises(AuditError, match=r"m\.parquet, uri in row 1: .*link\.png.*is .*secret"):
        build_manifest(str(base / "m.parquet"), ["x"], None, None)
    picture = (base / "a.png").read_bytes()
    table = pa.table({"image": [picture], "mask_uri": [f"{base}/link.png"]})
    pq.write_table(table, base / "own.parquet")
    with pytest.raises(AuditError, match=r"own\.parquet, mask_uri in row 0"):
        build_manifest(str(base / "own.parquet"), ["x"], None, None)


def test_a_linked_parquet_file_is_read_where_it_is_named_and_not_where_it_is_found(
    base: Path,
) -> None:
    named = build_manifest(str(base / "rows.parquet"), ["x"], None, None)[0].to_pylist()
    assert [row["uri"] for row in named] == [f"{base}/rows.parquet#0"]
    (base / "only").mkdir()
    os.rename(base / "rows.parquet", base / "only" / "rows.parquet")
    with pytest.raises(AuditError, match=r"rows\.parquet.*is .*secret\.parquet"):
        build_manifest(str(base / "only"), ["x"], None, None)


def test_a_manifest_behind_a_url_names_nothing_of_this_machine(base: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/roots-test/m.csv", f"uri\nimages/a.png\n{base}/a.png\n".encode())
    with pytest.raises(AuditError, match=r"line 3: .*a\.png.*expected it in memory://roots-test"):
        build_manifest("memory://roots-test/m.csv", ["x"], None, None)
    given = ("memory://roots-test/images", str(base))
    rows = build_manifest("memory://roots-test/m.csv", ["x"], None, None, given)[0]
    assert rows["uri"].to_pylist() == ["memory://roots-test/images/a.png", f"{base}/a.png"]


def test_the_configuration_of_audits_and_trainings(base: Path) -> None:
    file = base / "c.toml"
    file.write_text('images = "m.csv"\nmodel = "small"\nout = "o"\nroots = [".", "../x", "s3://b"]')
    roots = (str(base), str(base.parent / "x"), "s3://b")
    assert load_config(file, {}).roots == load_train_config(file, {}).roots == roots
    assert load_config(file, {"roots": []}).roots == roots  # no flag was given
    assert load_config(file, {"roots": ["y"]}).roots == (str(Path.cwd() / "y"),)
    (base / "m.csv").write_text("uri,label\na.png,x\n../secret.png,y\n")
    with pytest.raises(AuditError, match=r"line 3: .*secret\.png"):
        list_examples(load_train_config(file, {}))


def test_a_wrong_kind_of_roots_is_an_error(base: Path) -> None:
    for text in ('"x"', "[1]", '[""]', "3"):
        (base / "c.toml").write_text(f'images = "m"\nmodel = "m"\nout = "o"\nroots = {text}')
        with pytest.raises(AuditError, match="roots"):
            load_config(base / "c.toml", {})
