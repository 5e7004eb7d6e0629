"""The audit, from images to report."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ThreadPoolTaskRunner

from flows.cluster import Workers, start_workers
from flows.progress import ShardProgress, console
from reports.build import build_report
from tasks.config import AuditConfig
from tasks.errors import AuditError
from tasks.index.plan import Plan, plan_audit, write_plan
from tasks.merge.merged_tables import merge_class_stats, merge_unit_stats, merge_units
from tasks.tables.completion import mark_complete
from tasks.tables.shards import Shard, valid_record
from tasks.tables.storage import write_json

# Every task has NO_CACHE and keeps no result: resume belongs to the files of the run folder.


@flow(name="audit", validate_parameters=False, persist_result=False)
def audit(config: dict[str, Any]) -> str:
    """Audit one model over one dataset.

    config : keys of AuditConfig

    Returns: the path of the report.
    """
    plan = index(config)
    explain_shards(plan)
    merge(plan)
    report(plan)
    mark_complete(plan.run, plan.shards)
    return str(plan.run.report_file)


@task(task_run_name="index", cache_policy=NO_CACHE, persist_result=False)
def index(config: dict[str, Any]) -> Plan:
    """List the images, check everything, cut the shards, start the run folder."""
    plan = plan_audit(AuditConfig.model_validate(config))
    write_plan(plan)
    return plan


def explain_shards(plan: Plan) -> None:
    """The first pass over every shard that has no valid record yet.

    Raises: AuditError where shards failed for good; the others are stored.
    """
    missing = [shard for shard in plan.shards if valid_record(plan.run, shard) is None]
    images = sum(shard.stop - shard.start for shard in missing)
    done = len(plan.manifest) - images
    if done:
        console.print(f"{done:,} of {len(plan.manifest):,} images are done already.")
    if not missing:
        return
    with start_workers(plan) as workers, ShardProgress(len(plan.manifest)) as progress:
        progress.resume(done)
        start = time.monotonic()
        _explain_each(missing, ShardRunner(plan.run.root, workers, progress))
        seconds = time.monotonic() - start
    measured = {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": seconds,
        "images": images,
        "images_per_second": images / seconds,
        "workers": workers.count,
    }
    write_json(plan.run.first_pass_file, measured)


class ShardRunner:
    """Runs one shard on a worker and tells the progress bar. Shared by the flow's threads."""

    def __init__(self, root: Path, workers: Workers, progress: ShardProgress) -> None:
        self._root = str(root.resolve())
        self._progress = progress
        self.workers = workers

    def run(self, shard: Shard) -> dict[str, Any]:
        """The shard's record. Raises what the worker raised."""
        try:
            record = self.workers.explain(self._root, shard)
        except Exception as error:
            console.print(
                f"shard-{shard.index:05d}: {type(error).__name__}: {error}",
                style="yellow", markup=False, soft_wrap=True,
            )  # fmt: skip
            raise
        self._progress.advance(shard.stop - shard.start)
        return record


@task(
    task_run_name="shard-{shard.index:05d}",
    retries=2,
    retry_delay_seconds=1,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def explain(shard: Shard, runner: ShardRunner) -> dict[str, Any]:
    """One shard, tried up to three times."""
    return runner.run(shard)


def _explain_each(shards: list[Shard], runner: ShardRunner) -> None:
    # Threads that wait, one per worker: the work itself is done by the workers.
    waiting = ThreadPoolTaskRunner[Any](max_workers=runner.workers.count)
    with waiting as threads:
        try:
            futures = [threads.submit(explain, {"shard": s, "runner": runner}) for s in shards]
            results = [future.result(raise_on_failure=False) for future in futures]
        except BaseException:
            runner.workers.cancel()
            raise
    failed = [
        (shard, result)
        for shard, result in zip(shards, results, strict=True)
        if isinstance(result, BaseException)
    ]
    if failed:
        shard, error = failed[0]
        raise AuditError(
            f"{len(failed)} of {len(shards)} shards failed, three times each; the others are "
            f"stored.\n  shard-{shard.index:05d}: {type(error).__name__}: {error}\n"
            "Mend the cause and run the same command again: it goes on with the failed shards."
        )


@task(task_run_name="merge", cache_policy=NO_CACHE, persist_result=False)
def merge(plan: Plan) -> None:
    """The tables of the whole dataset."""
    merge_units(plan.run, len(plan.shards))
    merge_unit_stats(plan.run, len(plan.shards))
    merge_class_stats(plan.run, len(plan.shards))


@task(task_run_name="report", cache_policy=NO_CACHE, persist_result=False)
def report(plan: Plan) -> None:
    """Draw the report from the tables."""
    build_report(plan.run.root)
