"""Workers that the user started: a Dask scheduler by its address."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows import cluster
from flows.audit import audit
from flows.cluster import own_processes
from flows.machine import count_workers, resolve_device
from flows.software import refuse_other_software, versions
from tasks.errors import AuditError
from tests.flows.conftest import SmallDataset, assert_same_tables


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """A scheduler and two workers, each in a folder of its own."""
    file = tmp_path / "scheduler.json"
    commands = [["scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]]
    worker = ["worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-dashboard"]
    commands += [worker, worker]
    processes = []
    for i, command in enumerate(commands):
        folder = tmp_path / f"folder{i}"
        folder.mkdir()
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        arguments = [sys.executable, "-m", "dask", *command]
        processes.append(subprocess.Popen(arguments, cwd=folder, **silent))
        deadline = time.monotonic() + 60
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
    from distributed import Client

    with Client(scheduler_file=str(file)) as client:
        client.wait_for_workers(2, timeout=60)
        address = str(client.scheduler.address)
    yield address
    for process in processes:
        process.terminate()
        process.wait(timeout=60)


@pytest.mark.usefixtures("prefect_server")
def test_a_scheduler_by_address_gives_the_same_tables(
    undisturbed: Path, small_dataset: SmallDataset, scheduler: str, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    audit(small_dataset.config(theirs, scheduler=scheduler, device="cpu", shard_size=5))
    assert_same_tables(undisturbed, theirs)


@pytest.mark.usefixtures("prefect_server")
def test_no_scheduler_at_the_address(small_dataset: SmallDataset, tmp_path: Path) -> None:
    config = small_dataset.config(tmp_path / "run", device="cpu", scheduler="tcp://127.0.0.1:9")
    with pytest.raises(AuditError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9"):
        audit(config)


def test_workers_are_counted_per_four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, workers in ((1, 1), (2, 1), (4, 1), (8, 2), (64, 16)):
        monkeypatch.setattr("flows.machine.available_cores", lambda cores=cores: cores)
        assert count_workers(None, "cpu") == workers
    assert count_workers(3, "cpu") == 3


def test_cuda_asked_for_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert resolve_device("auto") == "cpu"
    with pytest.raises(AuditError, match="torch sees none"):
        resolve_device("cuda")


def test_a_worker_with_other_software_is_refused() -> None:
    refuse_other_software("tcp://a", versions())
    for changed in ({"torch": "2.11.0", "numpy": "1.0"}, {"camaudit": "0.0.1"}):
        with pytest.raises(AuditError, match="worker tcp://a has other software") as error:
            refuse_other_software("tcp://a", {**versions(), **changed})
        assert all(
            f"{name} {version}, here" in str(error.value) for name, version in changed.items()
        )


class Dying:
    """A local cluster whose worker is killed while it starts, so many times."""

    def __init__(self, deaths: int) -> None:
        self.left, self.asked = deaths, list[int]()

    def __call__(self, n_workers: int, **_options: object) -> str:
        self.asked.append(n_workers)
        self.left -= 1
        if self.left >= 0:
            raise RuntimeError("Nanny failed to start.") from RuntimeError("killed")
        return "cluster"


def test_a_worker_that_is_killed_while_it_starts_is_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for deaths in (0, 1, 2):
        dying = Dying(deaths)
        monkeypatch.setattr(cluster, "LocalCluster", dying)
        assert own_processes(4, None) == "cluster"
        assert dying.asked == [4] * (deaths + 1)


def test_workers_that_never_start_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "LocalCluster", Dying(3))
    with pytest.raises(AuditError, match=r"ended 3 times .*: killed\. .*fewer --workers"):
        own_processes(4, None)
