"""`camaudit faithfulness`: how good the maps of an audit are.

It runs in this process, on one device: a sample of a hundred images is enough to tell methods
apart, and no cluster is worth starting for it. Nothing is stored until all is measured, so a
measurement that was stopped starts anew.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from flows.plain_errors import told_plainly
from flows.progress import console
from tasks.errors import AuditError

if TYPE_CHECKING:
    from tasks.faithfulness.plan import FaithfulnessPlan

RunPath = Annotated[Path, typer.Argument(help="Folder of a finished audit")]
Methods = Annotated[
    str | None,
    typer.Option(
        help="With commas; default: the audit's own and all that cost no more than a backward of "
        "the head"
    ),
]
Measures = Annotated[str | None, typer.Option(help="With commas; default: all")]
Images = Annotated[int, typer.Option(help="Images to draw, each label its share")]
Steps = Annotated[int, typer.Option(help="Steps of deletion and insertion")]
Seed = Annotated[int, typer.Option(help="Of the sample, the random baselines and ROAD's noise")]
Device = Annotated[str | None, typer.Option(help="auto, cpu or cuda; default: the audit's")]


def faithfulness(
    run_folder: RunPath,
    methods: Methods = None,
    images: Images = 100,
    measures: Measures = None,
    steps: Steps = 16,
    seed: Seed = 0,
    device: Device = None,
) -> None:
    """Measure how good the maps of several methods are, on the same images of an audit."""
    # Imported late: --help needs none of it.
    from flows.faithfulness_table import print_faithfulness
    from reports.build import build_report
    from reports.faithfulness.stored_faithfulness import load_faithfulness
    from tasks.faithfulness.plan import Options, plan_faithfulness
    from tasks.tables.storage import RunFolder

    with told_plainly():
        if device not in (None, "auto", "cpu", "cuda"):
            raise AuditError(f"device: expected auto, cpu or cuda, got {device!r}")
        run = RunFolder(run_folder)
        options = Options(_names(methods), _names(measures), images, steps, seed)
        _measure(plan_faithfulness(run, options), device)
        page = build_report(run_folder).with_name("faithfulness.html")
        stored = load_faithfulness(run)
        if stored is not None:
            print_faithfulness(stored, Console())
        print(page.resolve())


def _measure(plan: "FaithfulnessPlan", device: str | None) -> None:
    from flows.cluster import resolve_device
    from tasks.faithfulness.audited_model import AuditedModel
    from tasks.faithfulness.plan import BASELINES
    from tasks.faithfulness.stage import measure_faithfulness

    images, maps = len(plan.rows), len(plan.methods) + len(BASELINES)
    console.print(
        f"Measuring {len(plan.methods)} methods and {len(BASELINES)} baselines on {images} of "
        f"{plan.audited:,} images: {plan.effort.forwards} forwards per map, "
        f"{images * maps * plan.effort.forwards:,} in all ...",
        soft_wrap=True,
    )
    try:
        model = AuditedModel(plan.facts, resolve_device(device or plan.facts["config"]["device"]))
        with _progress(images * maps) as advance:
            measured = measure_faithfulness(plan, model, advance)
    except KeyboardInterrupt:
        console.print("Stopped. Nothing of this measurement is stored.")
        raise typer.Exit(130) from None
    for failure in measured.failures:
        what = "without its object" if failure.stage == "mask" else "left out"
        console.print(
            f"{failure.uri} can no longer be read as it was ({what}): {failure.error}",
            style="yellow", markup=False, soft_wrap=True,
        )  # fmt: skip


@contextmanager
def _progress(maps: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, silent elsewhere; gives the function that counts maps as done."""
    columns = (
        TextColumn("[bold]Faithfulness"), BarColumn(), MofNCompleteColumn(),
        TextColumn("maps"), TimeRemainingColumn(),
    )  # fmt: skip
    shown = console.is_terminal
    with Progress(*columns, console=console, disable=not shown, speed_estimate_period=600) as bar:
        task = bar.add_task("", total=maps)
        yield lambda done: bar.advance(task, done)


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]
