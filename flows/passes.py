"""The two passes over the images, on the workers."""

import time
from datetime import UTC, datetime

from flows.artifacts import ProgressArtifact
from flows.cluster import WorkersOnDemand
from flows.failed_shards import FailedShard, or_told, tell_failed
from flows.progress import ShardProgress, console
from flows.shard_tasks import ShardRunner, do_shards
from flows.trunks import Trunks
from tasks.errors import AuditError
from tasks.explain.failed_shard import write_failed_shard
from tasks.explain.shard import explain_shard
from tasks.index.plan import Plan
from tasks.second_pass.failed_tests import write_failed_tests
from tasks.second_pass.plan import SecondPassPlan
from tasks.second_pass.shard import intervene_on_shard
from tasks.tables.shards import Shard, valid_record
from tasks.tables.whole_files import write_json


def explain(plan: Plan, workers: WorkersOnDemand, trunks: Trunks) -> list[FailedShard]:
    """The first pass over every shard that has no valid record yet.

    Returns: the shards that failed for good; their images stand in `failures`.

    Raises: AuditError where no shard of the whole audit could be done.
    """
    missing = [shard for shard in plan.shards if valid_record(plan.run, shard) is None]
    images = _images(missing)
    done = len(plan.manifest) - images
    if done:
        console.print(f"{done:,} of {len(plan.manifest):,} images are done already.")
    if not missing:
        return []
    shown = ProgressArtifact(plan, "first pass")
    with ShardProgress("First pass", len(plan.manifest), shown.update) as progress:
        progress.resume(done)
        count = workers.get().count
        start = time.monotonic()
        runner = ShardRunner(plan.run, explain_shard, workers.get(), progress, trunks)
        failed = do_shards(missing, runner)
        seconds = time.monotonic() - start
    measured = {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": seconds,
        "images": images,
        "images_per_second": images / seconds,
        "workers": count,
        "trunks": trunks.compute(),
    }
    write_json(plan.run.first_pass_file, measured)
    if len(failed) == len(plan.shards):
        raise AuditError(f"{tell_failed(failed, len(missing))}\nMend the cause and run it again")
    for each in failed:
        with or_told(failed, len(missing)):
            write_failed_shard(plan.run, each.shard, each.reason)
    return failed


def intervene(
    plan: Plan, second_pass: SecondPassPlan, workers: WorkersOnDemand, trunks: Trunks
) -> list[FailedShard]:
    """The second pass over every shard of its plan that has no valid record yet.

    Returns: the shards that failed for good; their images count as not tested.
    """
    missing = [shard for shard in second_pass.shards if valid_record(plan.run, shard) is None]
    if not missing:
        return []
    shown = ProgressArtifact(plan, "second pass")
    with ShardProgress("Second pass", _images(missing), shown.update) as progress:
        runner = ShardRunner(plan.run, intervene_on_shard, workers.get(), progress, trunks)
        failed = do_shards(missing, runner)
    for each in failed:
        with or_told(failed, len(missing)):
            write_failed_tests(plan.run, each.shard, each.reason)
    return failed


def _images(shards: list[Shard]) -> int:
    return sum(shard.stop - shard.start for shard in shards)
