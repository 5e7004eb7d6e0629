"""What a run has of an earlier one: told, noted, and finished at once where it has everything."""

from typing import Any

from flows.progress import console
from reports.build import build_report
from reports.redraw import redraw_limits
from tasks.index.plan import Plan
from tasks.tables.completion import is_complete, mark_complete
from tasks.tables.taken import all_taken, count_taken, write_taken

# Of the configuration, what the report says nothing of.
_UNSEEN = ("out", "previous", "workers", "device", "batch_size", "scheduler")


def tell_taken(plan: Plan) -> None:
    """Say what is taken over before anything is computed, or why nothing is."""
    if plan.previous is None:
        return
    root = plan.previous.run.root
    if plan.previous.differences:
        reasons = "\n  ".join(plan.previous.differences)
        text = f"Nothing is taken from {root}, which differs:\n  {reasons}"
    else:
        taken = count_taken(plan.run, "shards")
        text = (
            f"{taken['shards_taken']:,} of {len(plan.shards):,} shards, {taken['images_taken']:,} "
            f"of {len(plan.manifest):,} images, are taken from {root}."
        )
    console.print(text, markup=False, soft_wrap=True)


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
        redraw_limits(plan.run.root)
    else:
        build_report(plan.run.root)
    mark_complete(plan.run, plan.shards, plan.config.second_pass)
    return True


def _seen(facts: dict[str, Any]) -> dict[str, Any]:
    config = {key: value for key, value in facts["config"].items() if key not in _UNSEEN}
    return {**facts, "config": config}
