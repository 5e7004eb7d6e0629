"""What a shard's retries ask of the workers."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from distributed import Client, KilledWorker, LocalCluster
from distributed.client import FutureCancelledError
from prefect import flow

from flows.cluster import Workers
from flows.progress import ShardProgress
from flows.shard_tasks import ShardRunner, do_shards
from flows.trunks import Trunks
from flows.worker import SchedulerLost, ShardWork
from tasks.explain.shard import explain_shard
from tasks.tables.shards import Shard
from tasks.tables.storage import RunFolder


class DyingWorkers:
    """Workers that die unless batches are small enough."""

    def __init__(self, needed: int) -> None:
        self.asked: list[int] = []
        self._needed = needed

    def run(self, work: ShardWork, root: str, shard: Shard, halvings: int) -> dict[str, Any]:
        self.asked.append(halvings)
        if halvings < self._needed:
            raise KilledWorker("shard", SimpleNamespace(address="tcp://worker"), 0)
        return {"halved_to": 16} if halvings else {}


@pytest.mark.parametrize(("needed", "asked"), [(0, [0]), (1, [0, 0, 1])])
def test_a_worker_that_dies_twice_over_a_shard_gets_half_the_batch(
    tmp_path: Path, needed: int, asked: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    workers, shard = DyingWorkers(needed), Shard(3, 0, 8, "key")
    with ShardProgress("First pass", 8) as progress:
        runner = ShardRunner(RunFolder(tmp_path), explain_shard, workers, progress, Trunks())  # type: ignore[arg-type]
        for _ in asked[:-1]:
            with pytest.raises(KilledWorker):
                runner.run(shard)
        runner.run(shard)
    assert workers.asked == asked
    told = "shard-00003: memory ran out; done in batches of 16 images" in capsys.readouterr().err
    assert told == (needed > 0)


class Reporting:
    """Workers that tell how their networks run."""

    def __init__(self, *fallbacks: str) -> None:
        self._fallbacks = fallbacks

    def run(self, *_: object) -> dict[str, Any]:
        return {"trunk": {"folded": not self._fallbacks, "fallbacks": list(self._fallbacks)}}


def test_what_falls_back_is_told_once_for_all_shards_and_workers_of_both_passes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trunks, run = Trunks(), RunFolder(tmp_path)
    plain, other = Reporting("not folded: a reason"), Reporting("not compiled: another")
    for workers in (plain, plain, Reporting(), plain, other):
        with ShardProgress("First pass", 8) as progress:
            runner = ShardRunner(run, explain_shard, workers, progress, trunks)  # type: ignore[arg-type]
            runner.run(Shard(0, 0, 8, "key"))
    told = capsys.readouterr().err
    assert told.count("not folded: a reason; the first pass runs without, slower") == 1
    assert told.count("not compiled: another") == 1
    assert len(trunks.compute()) == 3


class Lost:
    """A future whose scheduler was killed."""

    def result(self) -> None:
        raise FutureCancelledError("run_on_worker", "scheduler-connection-lost")


class Cancelling:
    """A client whose scheduler is killed while it has a shard."""

    def __init__(self) -> None:
        self.asked = 0

    def submit(self, *_: object, **__: object) -> Any:
        self.asked += 1
        return Lost()

    def cancel(self, *_: object, **__: object) -> None:
        """As of a Dask client."""


def test_a_lost_scheduler_ends_the_audit_in_words_and_is_asked_once() -> None:
    client = Cancelling()
    workers = Workers(client, 1, None)  # type: ignore[arg-type]
    for shard in (Shard(0, 0, 8, "key"), Shard(1, 8, 16, "key")):
        with pytest.raises(SchedulerLost, match="run the same command again"):
            workers.run(explain_shard, "run", shard, 0)
    assert client.asked == 1


def test_shards_that_are_let_go_are_no_lost_scheduler() -> None:
    workers = Workers(Cancelling(), 1, None)  # type: ignore[arg-type]
    workers.cancel()
    with pytest.raises(asyncio.CancelledError):
        workers.run(explain_shard, "run", Shard(0, 0, 8, "key"), 0)


def test_a_worker_of_another_scheduler_says_that_the_first_is_gone() -> None:
    """Without the plugin that the audit gave to its own scheduler."""
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster) as client,
        pytest.raises(SchedulerLost),
    ):
        Workers(client, 1, None).run(explain_shard, "run", Shard(0, 0, 8, "key"), 0)


@pytest.mark.usefixtures("prefect_server")
def test_a_lost_scheduler_is_no_shards_failure(tmp_path: Path) -> None:
    """None is tried again, none is told of by itself, and none stands in `failures`."""
    client = Cancelling()
    shards = [Shard(i, 8 * i, 8 * i + 8, "key") for i in range(3)]

    @flow
    def play() -> None:
        workers = Workers(client, 1, None)  # type: ignore[arg-type]
        with ShardProgress("First pass", 24) as progress:
            run = RunFolder(tmp_path)
            do_shards(shards, ShardRunner(run, explain_shard, workers, progress, Trunks()))

    with pytest.raises(SchedulerLost):
        play()
    assert client.asked == 1
