"""The audit, from images to report."""

import time
from datetime import UTC, datetime
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE

from flows.artifacts import ProgressArtifact, show_results
from flows.cluster import WorkersOnDemand
from flows.failed_shards import FailedShard, or_told, refuse_incomplete, tell_failed
from flows.progress import ShardProgress, console
from flows.shard_tasks import ShardRunner, do_shards
from flows.taken_run import describe_taken, finish_unchanged, note_taken
from flows.trunks import Trunks
from reports.build import build_report
from reports.shown.write_shown import write_shown
from tasks.clusters.stage import write_clusters
from tasks.config import AuditConfig
from tasks.errors import AuditError
from tasks.explain.failed_shard import write_failed_shard
from tasks.explain.shard import explain_shard
from tasks.findings.stage import write_findings
from tasks.index.plan import Plan, plan_audit, write_plan
from tasks.merge.images import merge_images
from tasks.merge.localization import merge_localization
from tasks.merge.merged_tables import merge_class_stats
from tasks.mining.driven_units import write_driven_units
from tasks.mining.shared_units import write_shared_units
from tasks.mining.stage import mine_units
from tasks.runs.being_written import being_written
from tasks.second_pass.failed_tests import write_failed_tests
from tasks.second_pass.plan import SecondPassPlan, plan_second_pass, write_second_pass_plan
from tasks.second_pass.shard import intervene_on_shard
from tasks.second_pass.verdicts import write_verdicts
from tasks.tables.completion import mark_complete
from tasks.tables.shards import Shard, valid_record
from tasks.tables.taken import take_shards
from tasks.tables.whole_files import write_json

# Every task has NO_CACHE and keeps no result: resume belongs to the files of the run folder.


@flow(name="audit", validate_parameters=False, persist_result=False)
def audit(config: dict[str, Any]) -> str:
    """Audit one model over one dataset.

    config : keys of AuditConfig

    Returns: the path of the report.
    """
    return do_audit(config)


def do_audit(config: dict[str, Any], reports_url: str | None = None) -> str:
    """The stages of an audit, in the flow that calls it.

    config : keys of AuditConfig
    reports_url : under which the folder of the run's folder is served, for the link in Prefect

    Returns: the path of the report.
    """
    plan = index(config)
    failed, shards, trunks = [], 0, Trunks()
    with being_written(plan.run):
        start_run(plan)
        if not finish_unchanged(plan):
            with WorkersOnDemand(plan) as workers:
                failed = explain(plan, workers, trunks)
                merge(plan)
                second_pass = plan_tests(plan)
                failed += intervene(plan, second_pass, workers, trunks)
            shards = len(plan.shards) + len(second_pass.shards)
            judge(plan, second_pass)
            find(plan)
            set_aside(plan)
            report(plan)
            mark_complete(plan.run, plan.shards, plan.config.second_pass)
    show_results(plan, reports_url)
    refuse_incomplete(plan, failed, shards)
    return str(plan.run.report_file)


@task(task_run_name="index", cache_policy=NO_CACHE, persist_result=False)
def index(config: dict[str, Any]) -> Plan:
    """List the images, check everything, cut the shards."""
    return plan_audit(AuditConfig.model_validate(config))


def start_run(plan: Plan) -> None:
    """Start the run folder, or go on in it; take over what an earlier run has."""
    write_plan(plan)
    if said := describe_taken(plan):
        console.print(said, markup=False, soft_wrap=True)
        get_run_logger().info(said)


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


@task(task_run_name="merge", cache_policy=NO_CACHE, persist_result=False)
def merge(plan: Plan) -> None:
    """The tables of the whole dataset."""
    mine_units(plan.run, len(plan.shards))
    merge_class_stats(plan.run, len(plan.shards))
    merge_images(plan.run, len(plan.shards))
    merge_localization(plan.run, len(plan.shards))
    write_shared_units(plan.run)


@task(task_run_name="plan tests", cache_policy=NO_CACHE, persist_result=False)
def plan_tests(plan: Plan) -> SecondPassPlan:
    """Choose the images of the second pass and whose backgrounds they are laid on."""
    second_pass = plan_second_pass(plan.run, plan.config.second_pass, plan.earlier)
    write_second_pass_plan(plan.run, second_pass)
    if plan.earlier is not None:
        take_shards(plan.run, second_pass.shards, plan.earlier)
    return second_pass


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


@task(task_run_name="judge", cache_policy=NO_CACHE, persist_result=False)
def judge(plan: Plan, second_pass: SecondPassPlan) -> None:
    """A verdict for every labelled image, and what the second pass did."""
    write_verdicts(plan.run, second_pass)


@task(task_run_name="find", cache_policy=NO_CACHE, persist_result=False)
def find(plan: Plan) -> None:
    """Clusters of contexts and of explanations, units that rise, rates per group, findings."""
    write_clusters(plan.run)
    write_driven_units(plan.run, len(plan.shards))
    write_findings(plan.run)


@task(task_run_name="set aside", cache_policy=NO_CACHE, persist_result=False)
def set_aside(plan: Plan) -> None:
    """Rows of the images that the report shows, where there are many more."""
    write_shown(plan.run, plan.shards)


@task(task_run_name="report", cache_policy=NO_CACHE, persist_result=False)
def report(plan: Plan) -> None:
    """Draw the report from the tables."""
    note_taken(plan)
    build_report(plan.run.root)


def _images(shards: list[Shard]) -> int:
    return sum(shard.stop - shard.start for shard in shards)
