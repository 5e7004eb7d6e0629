"""`camaudit suggest`: which images to relabel, collect or augment."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from flows.plain_errors import told_plainly
from flows.run_again import RunPath

if TYPE_CHECKING:
    from tasks.suggestions.suggestions import Suggestions

MOST_TOLD = 12  # groups that lack images

Out = Annotated[
    Path | None,
    typer.Option(help="File to write, .csv or .parquet; default: RUN/exports/suggestions.csv"),
]
PerFinding = Annotated[
    int | None,
    typer.Option(help="Most images of one finding and action; default: all, so that weights fit"),
]


def suggest(run_folder: RunPath, out: Out = None, per_finding: PerFinding = None) -> None:
    """List the images to relabel, collect or augment, finding by finding, for train
    --suggestions."""
    # Imported late: --help needs none of it.
    from tasks.runs.own_files import refuse_own_file
    from tasks.suggestions.suggestion_files import refuse_other_file, write_suggestions
    from tasks.suggestions.suggestions import suggest as make_suggestions
    from tasks.tables.storage import RunFolder

    with told_plainly():
        run = RunFolder(run_folder)
        file = out or run_folder / "exports" / "suggestions.csv"
        refuse_own_file(run, file)
        refuse_other_file(file)
        found = make_suggestions(run, per_finding)
        write_suggestions(found.table, file)
        _print(found, Console(highlight=False))
        print(file.resolve())


def _print(found: "Suggestions", out: Console) -> None:
    from tasks.suggestions.suggestions import counts

    if not found.findings:
        out.print("No finding is confirmed: there is no background to mend.", soft_wrap=True)
    if not found.table.num_rows:
        out.print("Nothing to relabel, to augment or to collect: the list is empty.")
        return
    rows = counts(found.table)
    table = Table(Column("finding", overflow="fold"), "action", Column("images", justify="right"))
    earlier = None
    for row in rows.to_dict("records"):
        name = "" if row["finding"] == earlier else row["finding"].replace(" -> ", " → ")
        earlier = row["finding"]
        table.add_row(name, row["action"], f"{row['images']:,}")
    out.print(table, markup=False)
    told = rows[rows["action"] != "relabel"]["finding"].nunique()
    if found.findings > told:
        others = f"Other confirmed findings, about images listed already: {found.findings - told}"
        out.print(others, soft_wrap=True)
    for sentence in found.missing[:MOST_TOLD]:
        out.print(f"- {sentence}", markup=False, soft_wrap=True)
    if len(found.missing) > MOST_TOLD:
        out.print(f"- … and {len(found.missing) - MOST_TOLD} more groups that lack images")
