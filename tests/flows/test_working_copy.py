"""Runs in an object store, with a real server: order of the puts, resume elsewhere, the lock."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.working_copy import on_this_machine
from tasks.config import AuditConfig
from tasks.errors import AuditError
from tasks.explain.shard import explain_shard
from tasks.index.plan import plan_audit, write_plan
from tasks.runs.fetched_run import fetch_run
from tasks.runs.remote_run import RemoteRun
from tasks.tables.completion import mark_complete
from tasks.tables.shards import valid_record
from tests.tasks.object_store import object_store
from tests.tasks.tiny_audit import auditor_of, configure, draw_folders

Content = dict[str, str]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with object_store(tmp_path_factory.mktemp("client")) as filesystem:
        yield filesystem


def fill(folder: Path, content: Content) -> None:
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def stored(store: Any, run: str) -> Content:
    """All that is there, asked of the server anew."""
    store.invalidate_cache()
    root = f"images/{run}"
    return {
        path[len(root) + 1 :]: store.cat_file(path).decode(errors="replace")
        for path in store.find(root)
    }


RUN = {
    "audit.json": "{}",
    "complete.json": "1",
    "records/shards/shard-00000.json": "2",
    "records/shards/shard-00001.json": "3",
    "report/index.html": "4",
    "tables/units/merged.parquet": "5",
    "zz.json": "6",
}


def test_marks_are_put_after_what_they_speak_of(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = RemoteRun("s3://images/order/", tmp_path / "copy")
    said: list[str] = []
    for what in ("put_file", "rm_file"):
        real = getattr(remote._filesystem, what)

        def noted(*paths: str, what: str = what, real: Any = real) -> None:
            said.append(f"{what[:2]} {paths[-1].removeprefix('images/order/')}")
            real(*paths)

        monkeypatch.setattr(remote._filesystem, what, noted)
    fill(tmp_path / "copy", {**RUN, ".audit.json.7.tmp": "half", ".tmp-7/x": "half"})
    assert remote.put() == 7 and stored(store, "order") == RUN
    assert said[-1] == "pu complete.json"
    assert [each.split("/")[0] for each in said[-3:-1]] == ["pu records"] * 2
    said.clear()
    assert remote.put() == 0 and said == []
    (tmp_path / "copy" / "tables/units/merged.parquet").write_text("five")
    (tmp_path / "copy" / "zz.json").unlink()
    remote.put()  # an unfinished run never looks finished
    assert said == [
        "rm complete.json", "rm zz.json", "pu tables/units/merged.parquet", "pu complete.json",
    ]  # fmt: skip
    (tmp_path / "copy" / "complete.json").unlink()
    remote.put()
    assert "complete.json" not in stored(store, "order")


def test_a_put_that_breaks_off(store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = RemoteRun("s3://images/broken", tmp_path / "copy")
    fill(tmp_path / "copy", RUN)
    with monkeypatch.context() as patch:
        real = remote._filesystem.put_file

        def failing(here: str, there: str) -> None:
            if there.endswith("shard-00001.json"):
                raise TimeoutError("too slow")
            real(here, there)

        patch.setattr(remote._filesystem, "put_file", failing)
        with pytest.raises(AuditError, match=r"s3://images/broken: TimeoutError: too slow\. How"):
            remote.put()
    assert stored(store, "broken").keys() == RUN.keys() - {
        "complete.json", "records/shards/shard-00001.json",
    }  # fmt: skip
    RemoteRun("s3://images/broken", tmp_path / "copy").put()
    assert stored(store, "broken") == RUN


def test_two_machines_in_turn(store: Any, tmp_path: Path) -> None:
    one, two = (RemoteRun("s3://images/turns", tmp_path / name) for name in ("one", "two"))
    fill(tmp_path / "one", RUN)
    one.put()
    assert two.fetch() == len(RUN) and two.fetch() == 0
    fill(tmp_path / "two", {"zz.json": "other", "new.json": "7"})
    (tmp_path / "two" / "report/index.html").unlink()
    two.put()
    fill(tmp_path / "one", {"own.json": "not yet put"})
    one = RemoteRun("s3://images/turns", tmp_path / "one")  # another process
    assert one.fetch() == 2  # complete.json was put anew, as it was
    expected = {**RUN, "zz.json": "other", "new.json": "7", "own.json": "not yet put"}
    del expected["report/index.html"]
    files = [file for file in (tmp_path / "one").rglob("*") if file.is_file()]
    assert {f.relative_to(tmp_path / "one").as_posix(): f.read_text() for f in files} == expected
    one.put()
    assert stored(store, "turns") == expected


def test_only_one_writes(store: Any, tmp_path: Path) -> None:
    here, there = (RemoteRun("s3://images/lock", tmp_path / name) for name in ("here", "there"))
    with here.locked():
        with pytest.raises(AuditError, match=r"held by \{'owner': \[.*here'\]") as refused:
            there.locked().__enter__()
        assert "remove the object" in str(refused.value)
        with pytest.raises(AuditError, match="another process of this machine"):
            RemoteRun("s3://images/lock", tmp_path / "here").locked().__enter__()
        left = store.cat_file("images/lock/.lock")
    assert stored(store, "lock") == {}
    store.pipe_file("images/lock/.lock", left)  # as by kill -9 of the process that had it
    with here.locked():
        assert json.loads(store.cat_file("images/lock/.lock"))["owner"][1] == str(tmp_path / "here")
    store.pipe_file("images/lock/.lock", b"scribble")
    with pytest.raises(AuditError, match="scribble"):
        here.locked().__enter__()


def test_names_that_lead_out_of_the_folder(store: Any, tmp_path: Path) -> None:
    store.pipe_file("images/evil/a/../../../out.json", b"x")
    with pytest.raises(AuditError, match=r"leads out of it"):
        RemoteRun("s3://images/evil", tmp_path / "deep" / "copy").fetch()
    assert not list(tmp_path.rglob("out.json"))


def test_fetch_takes_finished_runs_into_folders_of_their_own(store: Any, tmp_path: Path) -> None:
    for name, text in RUN.items():
        store.pipe_file(f"images/done/{name}", text.encode())
    assert fetch_run("s3://images/done", tmp_path / "got").read_text() == "4"
    store.pipe_file("images/done/report/index.html", b"four")
    assert fetch_run("s3://images/done", tmp_path / "got").read_text() == "four"
    for url, folder, said in (
        ("s3://images/none", "new", "no finished audit"),
        ("s3://images/none", "got", "not empty and no copy"),
        ("s3://nowhere/x", "new", "bucket does not exist"),
        ("runs/x", "new", "no URL"),
    ):
        with pytest.raises(AuditError, match=said):
            fetch_run(url, tmp_path / folder)


def audit_half(config: AuditConfig) -> None:
    """The first of two shards, and then the end of the machine."""
    plan = plan_audit(config)
    write_plan(plan)
    explain_shard(auditor_of(plan), config.out, plan.shards[0])
    raise InterruptedError


def test_an_audit_goes_on_on_another_machine(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configure(
        tmp_path, draw_folders(tmp_path / "set", 1), shard_size=2, out="s3://images/runs/a"
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "first"))
    with pytest.raises(InterruptedError), on_this_machine(config) as local:
        audit_half(local)
    assert {"records/shards/shard-00000.json", "audit.json"} <= stored(store, "runs/a").keys()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "second"))
    with on_this_machine(config) as local:
        assert local.out == str(tmp_path / "second/camaudit/runs/s3/images/runs/a")
        plan = plan_audit(local)
        assert [valid_record(plan.run, shard) is not None for shard in plan.shards] == [True, False]
        write_plan(plan)
        explain_shard(auditor_of(plan), local.out, plan.shards[1])
        mark_complete(plan.run, plan.shards, 0)
    found = fetch_run("s3://images/runs/a", tmp_path / "got").parents[1]
    copy = Path(local.out)
    files = {file.relative_to(copy) for file in copy.rglob("*") if file.is_file()}
    assert {file.relative_to(found) for file in found.rglob("*") if file.is_file()} == files
    assert all((found / file).read_bytes() == (copy / file).read_bytes() for file in files)
    later = config.model_copy(update={"out": str(tmp_path / "b"), "previous": config.out})
    with on_this_machine(later) as local:
        assert plan_audit(local).earlier is not None


@pytest.mark.parametrize("images", ["s3://images", "s3://images/runs/"])
def test_a_run_inside_its_images(images: str, tmp_path: Path) -> None:
    config = configure(tmp_path, images, out="s3://images/runs/a")
    with pytest.raises(AuditError, match="lies inside the images"):
        on_this_machine(config).__enter__()


def test_other_commands_ask_for_a_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (["report", "s3://b/run"], ["check", "s3://b/run", "--policy", "x"]):
        result = CliRunner().invoke(app, command)
        assert result.exit_code != 0 and "camaudit fetch URL FOLDER" in result.output
    assert not list(tmp_path.iterdir())
