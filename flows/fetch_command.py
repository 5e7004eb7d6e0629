"""camaudit fetch: a run behind a URL as a folder of this machine."""

from pathlib import Path
from typing import Annotated

import typer

from flows.plain_errors import told_plainly


def fetch(
    url: Annotated[str, typer.Argument(help="Where 'camaudit run --out URL' stored it")],
    folder: Annotated[Path, typer.Argument(help="A new folder, or one of an earlier fetch")],
) -> None:
    """Fetch a run from an object store, for all other commands; again: what has changed since."""
    from tasks.runs.fetched_run import fetch_run

    with told_plainly():
        print(fetch_run(url, folder))
