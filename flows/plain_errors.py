"""Errors that a user can mend, without tracebacks."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.markup import escape

from flows.progress import console
from tasks.errors import AuditError


@contextmanager
def told_plainly() -> Iterator[None]:
    """Errors that a user can mend are printed as text, not as tracebacks."""
    try:
        yield
    except (AuditError, OSError) as error:
        console.print(f"[bold red]Error:[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from error
