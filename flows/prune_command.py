"""camaudit prune: old runs go, with what no kept run needs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.plain_errors import told_plainly
from flows.progress import console

if TYPE_CHECKING:
    from tasks.runs.retention import Retention


def prune(
    folder: Annotated[Path, typer.Argument(help="Folder that holds the runs, a folder each")],
    keep: Annotated[int, typer.Option(help="Finished runs to keep, the youngest")] = 30,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and remove nothing")
    ] = False,
) -> None:
    """Remove old runs; never one that a kept run refers to, that is being written, or that holds
    files of your own."""
    from tasks.runs.retention import plan_retention, remove_runs

    with told_plainly():
        retention = plan_retention(folder, keep)
        if not dry_run:
            remove_runs(retention)
        tell(retention, dry_run)
        if not (retention.removed or retention.spared or retention.kept):
            console.print(
                f"No audit lies directly in {folder}; expected the folder that holds the runs",
                markup=False, soft_wrap=True,
            )  # fmt: skip


def tell(retention: "Retention", dry_run: bool) -> None:
    """A line per run that goes or is spared, and what it comes to."""
    verb = "would remove" if dry_run else "removed"
    for run, freed in zip(retention.removed, retention.freed, strict=True):
        print(f"{verb} {run.root} ({_size(freed)} that no other run has)")
    for run, reason in retention.spared:
        console.print(f"kept {run.root}: {reason}", markup=False, soft_wrap=True)
    count, total = len(retention.removed), sum(retention.freed)
    print(
        f"{count} run{'' if count == 1 else 's'} {'to remove' if dry_run else 'removed'}, "
        f"{_size(total)} {'to free' if dry_run else 'freed'}; "
        f"{retention.kept + len(retention.spared)} kept"
    )


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
