"""What a run has of an earlier one: described, noted, and finished at once if it is all."""

from typing import Any

from reports.build import build_report
from reports.redraw import redraw_pages_of_run
from tasks.index.plan import Plan
from tasks.tables.completion import is_complete, mark_complete
from tasks.tables.taken import all_taken, count_taken, write_taken

# Of the configuration, what the report says nothing of.
_UNSEEN = ("out", "previous", "workers", "device", "batch_size", "scheduler")


def describe_taken(plan: Plan) -> str:
    """What is taken over before anything is computed, or why nothing is; '' without an earlier run.

    plan : written
    """
    if plan.previous is None:
        return ""
    root = plan.previous.run.root
    if plan.previous.differences:
        reasons = "\n  ".join(plan.previous.differences)
        return f"Nothing is taken from {root}, which differs:\n  {reasons}"
    taken = count_taken(plan.run, "shards")
    if is_complete(plan.previous.run, plan.shards, plan.config.second_pass):
        taken = all_taken(taken)
    return (
        f"{taken['shards_taken']:,} of {len(plan.shards):,} shards, {taken['images_taken']:,} of "
        f"{len(plan.manifest):,} images, are taken from {root}."
    )


def note_taken(plan: Plan) -> None:
    """Write taken.json once both passes are done; the report reads it."""
    if plan.previous is not None:
        counts = (count_taken(plan.run, stage) for stage in ("shards", "tests"))
        write_taken(plan.run, plan.previous.run, plan.previous.differences, *counts)


def finish_unchanged(plan: Plan) -> bool:
    """Finish a run whose plan is written if the previous one is the audit of these very shards: all
    its files are linked already, and only what the report says of this run is drawn.

    Raises: AuditError, see `build_report`.
    """
    earlier = plan.earlier
    if earlier is None or not is_complete(earlier, plan.shards, plan.config.second_pass):
        return False
    counts = (all_taken(count_taken(plan.run, stage)) for stage in ("shards", "tests"))
    write_taken(plan.run, earlier, (), *counts)
    if _seen(plan.run.audit()) == _seen(earlier.audit()):
        redraw_pages_of_run(plan.run.root)
    else:
        build_report(plan.run.root)
    mark_complete(plan.run, plan.shards, plan.config.second_pass)
    return True


def _seen(facts: dict[str, Any]) -> dict[str, Any]:
    config = {key: value for key, value in facts["config"].items() if key not in _UNSEEN}
    return {**facts, "config": config}
