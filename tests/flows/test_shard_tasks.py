"""What a shard's retries ask of the workers."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from distributed import KilledWorker

from flows.progress import ShardProgress
from flows.shard_tasks import ShardRunner
from flows.trunks import Trunks
from flows.worker import ShardWork
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
