"""Prefect says which shard and when again: one task run per shard, in threads that only wait."""

from collections import Counter
from typing import Any

from distributed import KilledWorker
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner

from flows.cluster import Workers
from flows.failed_shards import FailedShard, shard_name
from flows.progress import ShardProgress, console
from flows.trunks import Trunks
from flows.worker import SchedulerLost, ShardWork
from tasks.tables.shards import Shard
from tasks.tables.storage import RunFolder


class ShardRunner:
    """Has one shard done by a worker and tells the progress bar. Shared by the flow's threads.

    trunks : takes note of how the workers' networks run
    """

    def __init__(
        self,
        run: RunFolder,
        work: ShardWork,
        workers: Workers,
        progress: ShardProgress,
        trunks: Trunks,
    ) -> None:
        self._root = str(run.root.resolve())
        self._work = work
        self._progress = progress
        self._trunks = trunks
        self.workers = workers
        self._deaths: Counter[Shard] = Counter()

    def run(self, shard: Shard) -> dict[str, Any]:
        """The shard's record. Raises what the worker raised."""
        try:
            # A worker that dies once was killed; twice over one shard it is likely its memory.
            halvings = max(0, self._deaths[shard] - 1)
            record = self.workers.run(self._work, self._root, shard, halvings)
        except SchedulerLost:
            raise
        except Exception as error:
            self._deaths[shard] += isinstance(error, KilledWorker)
            _tell(f"{shard_name(shard)}: {type(error).__name__}: {error}")
            raise
        for line in self._trunks.update(record.get("trunk")):
            _tell(line)
        if "halved_to" in record:
            size = record["halved_to"]
            _tell(f"{shard_name(shard)}: memory ran out; done in batches of {size} images")
        self._progress.advance(shard.stop - shard.start)
        return record


def _tell(line: str) -> None:
    console.print(line, style="yellow", markup=False, soft_wrap=True)


def _may_go_better(_task: Any, _run: Any, state: State[Any]) -> bool:
    """Whether a shard is worth another try."""
    return not isinstance(state.result(raise_on_failure=False), SchedulerLost)


@task(
    task_run_name="{name}",
    retries=2,
    retry_condition_fn=_may_go_better,
    retry_delay_seconds=1,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def do_shard(name: str, shard: Shard, runner: ShardRunner) -> dict[str, Any]:
    """One shard, tried up to three times."""
    return runner.run(shard)


def do_shards(shards: list[Shard], runner: ShardRunner) -> list[FailedShard]:
    """All of them, as many at once as there are workers; returns those that failed for good.

    Raises: SchedulerLost, which is no shard's failure.
    """
    waiting = ThreadPoolTaskRunner[Any](max_workers=runner.workers.count)
    with waiting as threads:
        try:
            futures = [
                threads.submit(do_shard, {"name": shard_name(s), "shard": s, "runner": runner})
                for s in shards
            ]
            results = [_result(future) for future in futures]
        except BaseException:
            runner.workers.cancel()
            raise
    return [
        FailedShard(shard, result)
        for shard, result in zip(shards, results, strict=True)
        if isinstance(result, BaseException)
    ]


def _result(future: PrefectFuture[dict[str, Any]]) -> Any:
    """A record, or what the shard failed of."""
    result = future.result(raise_on_failure=False)
    if isinstance(result, SchedulerLost):
        raise result
    return result
