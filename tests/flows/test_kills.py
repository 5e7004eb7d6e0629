"""Killed workers, killed audits, Ctrl-C: nothing is lost and nothing is wrong."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.flows.conftest import SmallDataset, assert_same_tables, camaudit, start_camaudit

SMALL_SHARDS = ("--shard-size", "2", "--workers", "1")


@pytest.fixture(scope="module")
def undisturbed(small_dataset: SmallDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("undisturbed")
    out = home / "run"
    variables = {**os.environ, "PREFECT_HOME": str(home / "prefect")}
    done = camaudit(*small_dataset.arguments(out), environment=variables)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(out / "report" / "index.html")
    return out


def _wait(until: Callable[[], bool], what: str, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


def _records(out: Path) -> int:
    return len(list((out / "records" / "shards").glob("*.json")))


def _processes(root: int, word: str) -> list[psutil.Process]:
    """Descendants of a process whose command line has a word."""
    children = psutil.Process(root).children(recursive=True)
    return [child for child in children if word in " ".join(child.cmdline())]


def test_a_killed_worker_costs_one_retry(
    small_dataset: SmallDataset, undisturbed: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    out, mark = tmp_path / "run", tmp_path / "mark"
    slow = {**environment, "SLOW_FORWARD": "0.3", "FORWARD_MARK": str(mark)}
    process = start_camaudit(*small_dataset.arguments(out, *SMALL_SHARDS), environment=slow)
    _wait(lambda: _records(out) >= 2, "two shards")
    workers = _processes(process.pid, "multiprocessing.spawn")
    mark.unlink()
    _wait(mark.exists, "a forward to begin")  # between two shards there is nothing to retry
    for worker in workers:
        worker.kill()
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "KilledWorker" in errors
    assert_same_tables(undisturbed, out)


def test_a_killed_audit_goes_on_and_its_server_is_ended(
    small_dataset: SmallDataset, undisturbed: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    out = tmp_path / "run"
    slow = {**environment, "SLOW_FORWARD": "0.3"}
    arguments = small_dataset.arguments(out, *SMALL_SHARDS)
    process = start_camaudit(*arguments, environment=slow)
    _wait(lambda: _records(out) >= 3, "three shards")
    servers = _processes(process.pid, "prefect")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)
    assert servers
    assert all(server.is_running() for server in servers), "the server outlives its audit"
    done = _records(out)
    times = {file: file.stat().st_mtime_ns for file in (out / "records" / "shards").iterdir()}
    again = camaudit(*arguments, environment=environment)
    assert again.returncode == 0, again.stderr
    assert f"{2 * done} of 24 images are done already" in again.stderr
    assert all(file.stat().st_mtime_ns == then for file, then in times.items())
    _wait(lambda: not any(server.is_running() for server in servers), "the old server's end")
    assert_same_tables(undisturbed, out)


def test_ctrl_c_stops_within_seconds_and_says_how_to_go_on(
    small_dataset: SmallDataset, tmp_path: Path, environment: dict[str, str]
) -> None:
    out = tmp_path / "run"
    slow = {**environment, "SLOW_FORWARD": "1"}
    process = start_camaudit(*small_dataset.arguments(out, *SMALL_SHARDS), environment=slow)
    _wait(lambda: _records(out) >= 1, "one shard")
    started = [process.pid, *(p.pid for p in psutil.Process(process.pid).children(recursive=True))]
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to the whole group
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "the same command goes on from here" in errors
    assert "Traceback" not in errors
    _wait(lambda: not any(psutil.pid_exists(pid) for pid in started), "all processes' end", 20)


def test_a_finished_audit_does_nothing_and_says_so(
    small_dataset: SmallDataset, undisturbed: Path, environment: dict[str, str]
) -> None:
    before = {f: f.stat().st_mtime_ns for f in undisturbed.rglob("*") if f.is_file()}
    done = camaudit(*small_dataset.arguments(undisturbed), environment=environment)
    assert done.returncode == 0
    assert "Nothing to do" in done.stderr
    assert before == {f: f.stat().st_mtime_ns for f in undisturbed.rglob("*") if f.is_file()}
