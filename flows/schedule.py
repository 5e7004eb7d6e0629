"""The audit that a schedule starts: a run folder of its own, going on from the last one."""

from pathlib import Path
from typing import Any

from prefect import flow, runtime, task
from prefect.cache_policies import NO_CACHE

from flows.artifacts import key_of
from flows.audit import do_audit
from flows.comparison import compare, hold_to_policy
from flows.prune_command import tell
from tasks.config import load_config
from tasks.errors import AuditError
from tasks.runs.retention import plan_retention, remove_runs
from tasks.runs.sequence import last_finished, point_latest, run_name
from tasks.tables.storage import RunFolder
from tasks.tables.taken import all_is_taken
from tasks.urls import refuse_url


def name_of_run() -> str:
    """The time that the run was scheduled for: its name in Prefect's pages, and its folder's. A run
    that is tried again there has the same, and goes on where it stopped."""
    return run_name(runtime.flow_run.scheduled_start_time)


@flow(name="scheduled-audit", flow_run_name=name_of_run, persist_result=False)
def scheduled_audit(
    config_file: str,
    keep: int | None = None,
    reports_url: str | None = None,
    policy_file: str | None = None,
) -> str:
    """Audit into OUT/<time in UTC>, taking from the last finished run there what has not changed,
    and hold it against that run. A policy that is broken fails the flow; all is stored by then.

    config_file : audit.toml, read anew for every run; its `out` is the folder of the runs
    keep : finished runs to keep; None: all
    reports_url : under which `out` is served, for links in Prefect's pages
    policy_file : policy.toml of `camaudit check`; None: nothing is limited

    Returns: the path of the report.
    """
    config = next_run(config_file, name_of_run())
    report = do_audit(config, reports_url)
    run = RunFolder(config["out"])
    point_latest(run)
    previous = None if config["previous"] is None else RunFolder(config["previous"])
    name = config["title"] or Path(config_file).stem
    if previous is not None and not all_is_taken(run):
        compare(run, previous, key_of(name, "changes"), reports_url)
    broken = None
    if policy_file is not None:
        broken = hold_to_policy(run, previous, Path(policy_file), key_of(name, "policy"))
    if keep is not None:
        remove_old_runs(str(Path(config["out"]).parent), keep)
    if broken is not None:
        raise AuditError(f"the policy {policy_file} is broken: {broken}")
    return report


@task(task_run_name="next run", cache_policy=NO_CACHE, persist_result=False)
def next_run(config_file: str, name: str) -> dict[str, Any]:
    """The configuration of one run: its own folder, and the run that it goes on from."""
    config = load_config(Path(config_file), {})
    refuse_url(config.out)
    folder = Path(config.out)
    folder.mkdir(parents=True, exist_ok=True)
    last = last_finished(folder, but=name)
    previous = None if last is None else str(last.root)
    return {**config.model_dump(mode="json"), "out": str(folder / name), "previous": previous}


@task(task_run_name="remove old runs", cache_policy=NO_CACHE, persist_result=False)
def remove_old_runs(folder: str, keep: int) -> None:
    """What `camaudit prune` does."""
    retention = plan_retention(Path(folder), keep)
    remove_runs(retention)
    tell(retention, dry_run=False)
