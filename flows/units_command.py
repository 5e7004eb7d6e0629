"""`camaudit units`: pictures that excite units and classes most."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from flows.plain_errors import told_plainly
from flows.progress import console
from tasks.errors import AuditError
from tasks.views.synthetic_config import SyntheticConfig, load_synthetic_config


def flag(key: str) -> typer.models.OptionInfo:
    """A typer option whose help is the sentence under the configuration's field."""
    field = SyntheticConfig.model_fields[key]
    shown = field.default if field.default not in (None, (), False) else False
    option: typer.models.OptionInfo = typer.Option(
        help=field.description, show_default=str(shown) if shown is not False else False
    )
    return option


def units(
    model: Annotated[str, typer.Argument(help=SyntheticConfig.model_fields["model"].description)],
    out: Annotated[Path, typer.Option(help="Folder to write the page to")],
    layer: Annotated[str | None, flag("layer")] = None,
    units: Annotated[str | None, flag("units")] = None,
    count: Annotated[int | None, flag("count")] = None,
    classes: Annotated[str | None, flag("classes")] = None,
    weights: Annotated[str | None, flag("weights")] = None,
    mean: Annotated[str | None, flag("mean")] = None,
    std: Annotated[str | None, flag("std")] = None,
    size: Annotated[int | None, flag("size")] = None,
    steps: Annotated[int | None, flag("steps")] = None,
    learning_rate: Annotated[float | None, flag("learning_rate")] = None,
    per_unit: Annotated[int | None, flag("per_unit")] = None,
    parametrisation: Annotated[str | None, flag("parametrisation")] = None,
    smoothness: Annotated[float | None, flag("smoothness")] = None,
    centre: Annotated[bool | None, flag("centre")] = None,
    seed: Annotated[int | None, flag("seed")] = None,
    device: Annotated[str | None, flag("device")] = None,
) -> None:
    """Draw pictures that excite units of a layer, and class logits, most."""
    given = {key: value for key, value in locals().items() if key != "out"}
    with told_plainly():
        for key in ("units", "classes", "mean", "std"):
            given[key] = _numbers(key, given[key], float if key in ("mean", "std") else int)
        print(_draw(load_synthetic_config(given), out))


def _draw(config: SyntheticConfig, out: Path) -> Path:
    # Imported late: torchvision takes seconds, and a mistake in a flag needs none of it.
    from reports.views.units_page import write_units_page
    from reports.views.view_folder import refuse_other_folder
    from tasks.views.synthesis_plan import plan_synthesis
    from tasks.views.synthetic_inputs import synthesise

    refuse_other_folder(out)
    console.print(f"Reading {config.model} ...", soft_wrap=True)
    plan = plan_synthesis(config)
    with Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        climb = progress.add_task("Climbing", total=plan.steps)
        view = synthesise(plan, lambda: progress.advance(climb))
    return write_units_page(view, out).resolve()


def _numbers(key: str, text: str | None, kind: type[int] | type[float]) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError as error:
        expected = "0.485,0.456,0.406" if kind is float else "0,3,7"
        raise AuditError(f"--{key}: expected numbers as in {expected}; got {text!r}") from error
