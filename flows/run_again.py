"""What the commands have in common that run an audited model again."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from flows.progress import console
from tasks.errors import AuditError

if TYPE_CHECKING:
    from tasks.explain.audited_model import AuditedModel

RunPath = Annotated[Path, typer.Argument(help="Folder of a finished audit")]
Device = Annotated[str | None, typer.Option(help="auto, cpu or cuda; default: the audit's")]


def check_device(device: str | None) -> None:
    """Raises: AuditError for what is none, before anything is computed."""
    if device not in (None, "auto", "cpu", "cuda"):
        raise AuditError(f"device: expected auto, cpu or cuda, got {device!r}")


def open_model(facts: dict[str, Any], device: str | None) -> "AuditedModel":
    """The model of an audit on the device asked for, else on the audit's.

    facts : content of audit.json

    Raises: AuditError where it is not the model that was audited, or the device is not there.
    """
    # Imported late: --help needs no torch.
    from flows.machine import resolve_device
    from tasks.explain.audited_model import AuditedModel

    return AuditedModel(facts, resolve_device(device or facts["config"]["device"]))


@contextmanager
def advancing(stage: str, what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, silent elsewhere; gives the function that counts as done.

    what : is counted; total : None where it is not known
    """
    columns = (
        TextColumn(f"[bold]{stage}"), BarColumn(), MofNCompleteColumn(), TextColumn(what),
        TimeRemainingColumn(),
    )  # fmt: skip
    shown = console.is_terminal
    with Progress(*columns, console=console, disable=not shown, speed_estimate_period=600) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.advance(task, done)


def tell_unreadable(failures: Iterable[dict[str, Any]]) -> None:
    """Name the images that can no longer be read as they were.

    failures : uri, error and, where an image was read without its object, stage = 'mask'
    """
    for failure in failures:
        what = "without its object" if failure.get("stage") == "mask" else "left out"
        console.print(
            f"{failure['uri']} can no longer be read as it was ({what}): {failure['error']}",
            style="yellow", markup=False, soft_wrap=True,
        )  # fmt: skip
