"""Work in processes gives what work in threads gives, whatever befalls the processes."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from reports.build import build_report
from reports.spread import ended_on_failure, spread, start_processes
from tests.reports.small_run import SmallRun

ITEMS = range(120)  # more than two calls' worth


@pytest.fixture
def in_processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Few items are many, on a machine of two cores."""
    monkeypatch.setattr("reports.spread.FEW", 1)
    monkeypatch.setattr("reports.spread.cpu_count", lambda: 2)
    yield


def square(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def is_imported(module: str) -> bool:
    return module in sys.modules


def refuse(number: int) -> int:
    if number == 70:
        raise ValueError("seventy")
    return number


def run_out_of_disk(number: int) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def write_slowly(folder: Path, number: int) -> int:
    time.sleep(0.02)
    (folder / str(number)).touch()
    return number


def die_elsewhere(parent: int, number: int) -> int:
    if number == 70 and os.getpid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_few_items_stay_in_this_process() -> None:
    done = list(spread(square, ITEMS))
    assert [value for value, _ in done] == [n * n for n in ITEMS]
    assert {process for _, process in done} == {os.getpid()}


@pytest.mark.usefixtures("in_processes")
def test_many_items_are_worked_elsewhere_in_their_order() -> None:
    done = list(spread(square, ITEMS))
    assert [value for value, _ in done] == [n * n for n in ITEMS]
    assert os.getpid() not in {process for _, process in done}


@pytest.mark.usefixtures("in_processes")
def test_processes_import_what_they_will_need() -> None:
    assert "wsgiref.validate" not in sys.modules
    start_processes("wsgiref.validate", 1)
    assert any(spread(is_imported, ["wsgiref.validate"] * len(ITEMS)))
    assert "wsgiref.validate" not in sys.modules


@pytest.mark.usefixtures("in_processes")
def test_an_error_of_the_work_is_raised_here() -> None:
    with pytest.raises(ValueError, match="seventy"):
        list(spread(refuse, ITEMS))


@pytest.mark.usefixtures("in_processes")
def test_what_a_killed_process_left_is_done_here() -> None:
    assert list(spread(partial(die_elsewhere, os.getpid()), ITEMS)) == list(ITEMS)
    # And the next one finds processes again.
    assert os.getpid() not in {process for _, process in spread(square, ITEMS)}


@pytest.mark.usefixtures("in_processes")
def test_where_no_process_can_be_started_all_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "no semaphores")

    monkeypatch.setattr("reports.spread.get_reusable_executor", refused)
    with pytest.raises(ValueError, match="build"), ended_on_failure():
        assert [value for value, _ in spread(square, ITEMS)] == [n * n for n in ITEMS]
        raise ValueError("the build")


@pytest.mark.usefixtures("in_processes")
def test_a_full_disk_is_still_told_as_one() -> None:
    with pytest.raises(OSError) as caught:
        list(spread(run_out_of_disk, ITEMS))
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.usefixtures("in_processes")
def test_where_the_build_fails_nothing_more_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="build"), ended_on_failure():
        begun = spread(partial(write_slowly, tmp_path), ITEMS)
        next(begun)
        raise ValueError("the build")
    written = set(tmp_path.iterdir())
    time.sleep(0.5)
    assert set(tmp_path.iterdir()) == written
    assert 0 < len(written) < len(ITEMS)


def script(file: Path, lines: str) -> subprocess.Popen[str]:
    """Start a script without a guard that spreads few items over two processes."""
    file.write_text(f"import reports.spread as s\ns.FEW, s.cpu_count = 1, lambda: 2\n{lines}")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, file], env=environment, stdout=subprocess.PIPE, text=True
    )


def test_a_script_needs_no_guard(tmp_path: Path) -> None:
    started = script(tmp_path / "a.py", "print('begun', sum(s.spread(abs, range(-100, 0))))")
    assert started.communicate()[0] == "begun 5050\n"


def test_processes_end_with_one_that_is_killed(tmp_path: Path) -> None:
    """Even where they have more to tell than a pipe holds."""
    started = script(
        tmp_path / "a.py",
        "import time\n"
        "results = s.spread(lambda n: bytes(10**6), range(10**4))\n"
        "print(len(next(results)), flush=True)\n"
        "time.sleep(600)\n",
    )
    assert started.stdout is not None and started.stdout.readline() == "1000000\n"
    workers = psutil.Process(started.pid).children(recursive=True)
    started.kill()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert len(workers) >= 2 and alive == []


@pytest.mark.usefixtures("in_processes")
def test_a_report_drawn_in_processes_is_the_same(
    run: SmallRun, report: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(run.folder, tmp_path / "run", ignore=shutil.ignore_patterns("report"))
    drawn = build_report(copy).parent
    files = {file.relative_to(report) for file in report.rglob("*") if file.is_file()}
    assert files == {file.relative_to(drawn) for file in drawn.rglob("*") if file.is_file()}
    different = [
        name for name in files if (report / name).read_bytes() != (drawn / name).read_bytes()
    ]
    assert different == []
