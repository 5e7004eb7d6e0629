"""`camaudit faithfulness`: how good the maps of an audit are.

It runs in this process, on one device: a sample of a hundred images is enough to tell methods
apart, and no cluster is worth starting for it. Nothing is stored until all is measured, so a
measurement that was stopped starts anew.
"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from flows.plain_errors import told_plainly
from flows.progress import console
from flows.run_again import Device, RunPath, advancing, check_device, open_model, tell_unreadable

if TYPE_CHECKING:
    from tasks.faithfulness.plan import FaithfulnessPlan

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
        check_device(device)
        run = RunFolder(run_folder)
        options = Options(_names(methods), _names(measures), images, steps, seed)
        _measure(plan_faithfulness(run, options), device)
        page = build_report(run_folder).with_name("faithfulness.html")
        stored = load_faithfulness(run)
        if stored is not None:
            print_faithfulness(stored, Console())
        print(page.resolve())


def _measure(plan: "FaithfulnessPlan", device: str | None) -> None:
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
        model = open_model(plan.facts, device)
        with advancing("Faithfulness", "maps", images * maps) as advance:
            measured = measure_faithfulness(plan, model, advance)
    except KeyboardInterrupt:
        console.print("Stopped. Nothing of this measurement is stored.")
        raise typer.Exit(130) from None
    tell_unreadable(asdict(failure) for failure in measured.failures)


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]
