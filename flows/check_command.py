"""`camaudit check`: whether an audit keeps a policy; a pipeline stops a model by its status."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.progress import console
from tasks.errors import AuditError

if TYPE_CHECKING:
    from tasks.check.check import CheckResult

BROKEN, BAD_INPUT = 1, 2

_POLICY_HELP = (
    'policy.toml with the limits, each a table \\[\\[limit]] with metric = "accuracy", '
    'of = "class", at_least = 0.8 and the like; a wrong key or metric is told with all that '
    "are known"
)

Run = Annotated[Path, typer.Argument(help="Folder of the finished audit that is checked")]
PolicyFile = Annotated[Path, typer.Option("--policy", help=_POLICY_HELP)]
Against = Annotated[
    Path | None, typer.Option(help="Folder of an earlier finished audit, for limits on changes")
]
Junit = Annotated[Path | None, typer.Option(help="JUnit XML file to write")]


def check(run: Run, policy: PolicyFile, against: Against = None, junit: Junit = None) -> None:
    """Hold an audit to the limits of a policy. Status 0: all are kept; 1: one is broken; 2: the
    input is wrong."""
    # Imported late: --help needs none of it.
    from tasks.check.check import check_run
    from tasks.check.junit import write_junit
    from tasks.check.policy import load_policy
    from tasks.runs.own_files import refuse_own_file
    from tasks.tables.storage import RunFolder

    try:
        if junit is not None:
            refuse_own_file(RunFolder(run), junit)
        earlier = RunFolder(against) if against else None
        result = check_run(RunFolder(run), load_policy(policy), earlier)
        if junit is not None:
            write_junit(result, junit)
    except (AuditError, OSError) as error:
        console.print(f"[bold red]Error:[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(BAD_INPUT) from error
    _print(result)
    if not result.kept:
        raise typer.Exit(BROKEN)


def _print(result: "CheckResult") -> None:
    from tasks.check.words import denominators, measured_words

    out, broken = Console(highlight=False), result.of("broken")
    if broken:
        columns = ("Limit", "Subject", "Measured [95 %]", "Allowed", "Of")
        table = Table(*columns, title="Broken", title_justify="left")
        for case in broken:
            said = case.reason or measured_words(case)
            cells = (case.limit.title, case.measured.subject, said, case.limit.words,
                     denominators(case))  # fmt: skip
            table.add_row(*(escape(cell) for cell in cells))
        out.print(table)
    reasons = Counter((case.limit.title, case.reason) for case in result.of("skipped"))
    for (title, reason), number in reasons.items():
        out.print(
            f"Not judged: {title}, {number:,} subject{'' if number == 1 else 's'}: {reason}",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    out.print(
        f"{len(broken):,} broken, {len(result.of('skipped')):,} not judged, "
        f"{len(result.of('kept')):,} kept",
        soft_wrap=True,
    )
