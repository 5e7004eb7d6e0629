"""What is removed of old runs, what stays, and how many bytes it frees."""

import os
from itertools import pairwise
from pathlib import Path

import pytest

from tasks.errors import AuditError
from tasks.runs.being_written import being_written
from tasks.runs.retention import plan_retention, remove_runs
from tasks.runs.sequence import last_finished, list_runs, point_latest
from tasks.tables.links import link_file
from tasks.tables.storage import RunFolder


def make_run(folder: Path, number: int, finished: bool = True) -> RunFolder:
    """A run with a file of its own of 1,000 bytes, started in the order of the numbers."""
    run = RunFolder(folder / f"run-{number:02}")
    (run.root / "tables").mkdir(parents=True)
    (run.root / "tables" / "own").write_bytes(b"x" * 1000)
    run.audit_file.write_text('{"camaudit":1}')
    os.utime(run.audit_file, (1000 + number, 1000 + number))
    if finished:
        run.complete_file.write_text("{}")
    return run


def names(runs: list[RunFolder] | tuple[RunFolder, ...]) -> list[str]:
    return [run.root.name for run in runs]


def disk_use(folder: Path) -> int:
    """Bytes of all files, each once, however many names it has."""
    inodes = {file.lstat().st_ino: file.lstat().st_size for file in folder.rglob("*")
              if not file.is_dir() or file.is_symlink()}  # fmt: skip
    return sum(inodes.values())


def test_the_last_finished_runs_stay(tmp_path: Path) -> None:
    for number in range(5):
        make_run(tmp_path, number)
    (tmp_path / "holiday").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    retention = plan_retention(tmp_path, 2)
    assert names(retention.removed) == ["run-00", "run-01", "run-02"]
    assert retention.kept == 2
    before = disk_use(tmp_path)
    remove_runs(retention)
    assert before - disk_use(tmp_path) == sum(retention.freed)
    assert {p.name for p in tmp_path.iterdir()} == {"run-03", "run-04", "holiday", "notes.txt"}


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_bytes_that_a_kept_run_has_too_are_not_freed(tmp_path: Path, keep: int) -> None:
    runs = [make_run(tmp_path, number) for number in range(4)]
    (runs[0].root / "tables" / "first").write_bytes(b"first" * 500)
    (runs[1].root / "tables" / "second").write_bytes(b"second" * 500)
    for earlier, later in pairwise(runs):
        for name in ("first", "second"):
            if (source := earlier.root / "tables" / name).exists():
                link_file(source, later.root / "tables" / name)
    retention = plan_retention(tmp_path, keep)
    before = disk_use(tmp_path)
    remove_runs(retention)
    assert len(retention.removed) == 4 - keep
    assert before - disk_use(tmp_path) == sum(retention.freed)
    assert (runs[-1].root / "tables" / "first").read_bytes() == b"first" * 500


def test_a_file_with_a_name_outside_the_runs_is_not_freed(tmp_path: Path) -> None:
    old, _ = make_run(tmp_path / "runs", 0), make_run(tmp_path / "runs", 1)
    os.link(old.root / "tables" / "own", tmp_path / "kept elsewhere")
    retention = plan_retention(tmp_path / "runs", 1)
    # audit.json of 14 bytes and complete.json of two
    assert sum(retention.freed) == 16


def test_a_run_that_a_kept_one_refers_to_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_file_system(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    runs = [make_run(tmp_path, number) for number in range(4)]
    monkeypatch.setattr(os, "link", other_file_system)
    link_file(runs[0].root / "tables" / "own", runs[3].root / "tables" / "taken")
    link_file(runs[1].root / "tables" / "own", runs[2].root / "tables" / "taken")
    retention = plan_retention(tmp_path, 1)
    # Run 2 goes, and with it the only one that refers to run 1.
    assert names(retention.removed) == ["run-01", "run-02"]
    assert [(run.root.name, why) for run, why in retention.spared] == [
        ("run-00", "run-03 refers to it")
    ]
    remove_runs(retention)
    assert (runs[3].root / "tables" / "taken").read_bytes() == b"x" * 1000


def test_unfinished_runs_go_once_a_later_one_has_finished(tmp_path: Path) -> None:
    make_run(tmp_path, 0, finished=False)
    make_run(tmp_path, 1)
    make_run(tmp_path, 2, finished=False)
    assert names(plan_retention(tmp_path, 1).removed) == ["run-00"]
    assert names(plan_retention(tmp_path, 5).removed) == ["run-00"]


def test_a_run_that_is_being_written_stays(tmp_path: Path) -> None:
    slow = make_run(tmp_path, 0, finished=False)
    make_run(tmp_path, 1)
    with being_written(slow):
        retention = plan_retention(tmp_path, 1)
        assert retention.removed == () and retention.spared[0][1] == "it is being written"
        with pytest.raises(AuditError, match="another process"), being_written(slow):
            pass
    assert names(plan_retention(tmp_path, 1).removed) == ["run-00"]


def test_runs_are_listed_by_their_start(tmp_path: Path) -> None:
    for number, finished in ((2, True), (0, True), (3, False), (1, True)):
        make_run(tmp_path, number, finished)
    last = last_finished(tmp_path)
    assert last is not None and last.root.name == "run-02"
    point_latest(last)
    assert (tmp_path / "latest").resolve() == last.root.resolve()
    assert names([stored.run for stored in list_runs(tmp_path)]) == [
        f"run-{i:02}" for i in range(4)
    ]
    point_latest(RunFolder(tmp_path / "run-01"))
    assert os.readlink(tmp_path / "latest") == "run-01"


def test_what_cannot_be_pruned_is_one_error(tmp_path: Path) -> None:
    run = make_run(tmp_path, 0)
    for folder, keep, says in (
        (tmp_path / "absent", 1, "not a folder"),
        (run.audit_file, 1, "not a folder"),
        (run.root, 1, "is one run"),
        (tmp_path, 0, "from 1 on"),
        (tmp_path, -3, "from 1 on"),
    ):
        with pytest.raises(AuditError, match=says):
            plan_retention(folder, keep)
    (tmp_path / "latest").mkdir()
    with pytest.raises(AuditError, match="latest is a folder"):
        point_latest(run)
    assert list_runs(tmp_path / "latest") == []


@pytest.mark.parametrize("text", ['{"auditReportVersion": 2}', "[]", "3", "not json", ""])
def test_a_folder_with_the_audit_of_another_tool_is_no_run(tmp_path: Path, text: str) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "audit.json").write_text(text)  # npm audit --json > audit.json
    os.utime(shop / "audit.json", (1, 1))
    make_run(tmp_path, 1)
    assert names([stored.run for stored in list_runs(tmp_path)]) == ["run-01"]
    assert plan_retention(tmp_path, 1).removed == ()


def test_an_old_run_with_files_of_the_user_stays(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, number) for number in range(4)]
    (runs[0].root / "photographs").mkdir()
    (runs[0].root / "notes.txt").write_text("x")
    (runs[1].root / "linked").symlink_to(tmp_path)
    for name in ("exports", "diff", ".report.tmp-17"):
        (runs[2].root / name).mkdir()
    (runs[2].root / "diff" / "view.json").write_text('{"camaudit": "1"}')
    for name in ("check.xml", ".taken.json.17.tmp", ".lock"):
        (runs[2].root / name).write_text("x")
    retention = plan_retention(tmp_path, 1)
    assert names(retention.removed) == ["run-02"]
    hint = "in it is not of camaudit; move it, or remove the folder by hand"
    assert [why for _, why in retention.spared] == [
        f"notes.txt and 1 more {hint}", f"linked {hint}"
    ]  # fmt: skip


def test_what_a_spared_run_refers_to_stays(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, number) for number in range(4)]
    (runs[3].root / "report").symlink_to(runs[2].root / "tables")  # moved by hand: a whole folder
    (runs[2].root / "tables" / "taken").symlink_to(runs[1].root / "tables" / "own")
    retention = plan_retention(tmp_path, 1)
    assert names(retention.removed) == ["run-00"]
    assert [(run.root.name, why) for run, why in retention.spared] == [
        ("run-01", "run-02 refers to it"), ("run-02", "run-03 refers to it")
    ]  # fmt: skip
