"""The audit, from images to report."""

from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE

from flows.artifacts import show_results
from flows.cluster import WorkersOnDemand
from flows.failed_shards import refuse_incomplete
from flows.passes import explain, intervene
from flows.progress import console
from flows.taken_run import describe_taken, finish_unchanged, note_taken
from flows.trunks import Trunks
from reports.build import build_report
from reports.shown.write_shown import write_shown
from tasks.clusters.stage import write_clusters
from tasks.config import AuditConfig
from tasks.findings.stage import write_findings
from tasks.index.plan import Plan, plan_audit, write_plan
from tasks.merge.images import merge_images
from tasks.merge.localization import merge_localization
from tasks.merge.merged_tables import merge_class_stats
from tasks.mining.driven_units import write_driven_units
from tasks.mining.shared_units import write_shared_units
from tasks.mining.stage import mine_units
from tasks.runs.being_written import being_written
from tasks.second_pass.plan import SecondPassPlan, plan_second_pass, write_second_pass_plan
from tasks.second_pass.verdicts import write_verdicts
from tasks.tables.completion import mark_complete
from tasks.tables.taken import take_shards

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
