"""`camaudit diff`: what differs between two audits."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from flows.plain_errors import told_plainly
from flows.progress import console

if TYPE_CHECKING:
    from tasks.diff.stage import Difference

RunA = Annotated[Path, typer.Argument(help="Folder of a finished audit, the earlier or reference")]
RunB = Annotated[Path, typer.Argument(help="Folder of the finished audit that is held against it")]
Out = Annotated[
    Path | None, typer.Option(help="Folder to write to; default: RUN_B/diff-NAME, of RUN_A")
]


def diff(run_a: RunA, run_b: RunB, out: Out = None) -> None:
    """Hold two audits against each other: two models on one dataset, or one model on two dates or
    datasets; no forward is needed."""
    # Imported late: --help needs none of it.
    from reports.diff.diff_page import write_diff_page
    from reports.diff.diff_sentences import headlines
    from reports.redraw import redraw_pages_of_run
    from reports.views.view_folder import refuse_other_folder
    from tasks.diff.stage import compare_runs
    from tasks.tables.storage import RunFolder

    with told_plainly():
        folder = out or run_b / f"diff-{run_a.resolve().name}"
        refuse_other_folder(folder)
        console.print(f"Comparing {run_b} with {run_a} ...", soft_wrap=True)
        difference = compare_runs(RunFolder(run_a), RunFolder(run_b))
        page = write_diff_page(difference, folder)
        if folder.resolve().parent == run_b.resolve():
            redraw_pages_of_run(run_b)
        _print(difference, headlines(difference))
        print(page.resolve())


def _print(difference: "Difference", sentences: list[str]) -> None:
    covered, out = difference.coverage, Console(highlight=False)
    out.print(
        f"{covered['common']:,} images in both, {covered['only_a']:,} only in A, "
        f"{covered['only_b']:,} only in B, {covered['relabelled']:,} with another label",
        soft_wrap=True,
    )
    for sentence in sentences:
        out.print(f"- {sentence}", markup=False, soft_wrap=True)
