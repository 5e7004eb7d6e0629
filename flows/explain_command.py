"""`camaudit explain`: every view of single images on one page."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from flows import options
from flows.channels import channels
from flows.plain_errors import told_plainly
from flows.progress import console
from tasks.config import load_config

if TYPE_CHECKING:
    from tasks.views.explain_plan import ExplainRequest


def explain(
    image: Annotated[list[str], typer.Argument(help="Picture files, or URLs of such")],
    model: options.Model = None,
    weights: options.Weights = None,
    classes: options.Classes = None,
    class_: Annotated[
        list[str] | None,
        typer.Option("--class", help="Explain this class, too: a name or an index; repeatable"),
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="With commas, the first for the panels; default: all")
    ] = None,
    target: options.Target = None,
    target_layer: Annotated[
        str | None, typer.Option(help="One, or several with commas, whose maps are fused")
    ] = None,
    layer: Annotated[
        list[str] | None, typer.Option(help="Draw the feature maps of this layer; repeatable")
    ] = None,
    resize: options.Resize = None,
    crop: options.Crop = None,
    mean: options.Mean = None,
    std: options.Std = None,
    interpolation: options.Interpolation = None,
    top_k: Annotated[
        int | None, typer.Option(help="Classes in the first panel; default: 5")
    ] = None,
    slow: Annotated[bool, typer.Option("--slow", help="SS-CAM and IS-CAM, too")] = False,
    sanity: Annotated[bool, typer.Option(help="Maps under randomised weights")] = True,
    exact: options.Exact = None,
    device: options.Device = None,
    out: Annotated[Path, typer.Option(help="Folder to write the page to")] = Path("runs/explain"),
) -> None:
    """Draw everything about a few images on one page: classes, methods, pixels, units, kernels."""
    given = {key: value for key, value in locals().items() if key in _CONFIG}
    with told_plainly():
        for key in ("mean", "std"):
            given[key] = channels(key, given[key])
        # An audit's own checks, for all that an audit has, too.
        config = load_config(None, {"images": image[0], "out": str(out), **given})
        # Imported late: torchvision takes seconds, and a mistake in a flag needs none of it.
        from tasks.views.explain_plan import ExplainRequest

        request = ExplainRequest(
            config, tuple(image), tuple(class_ or ()), tuple(layer or ()), slow, sanity
        )
        print(_draw(request, out))


_CONFIG = (
    "model", "weights", "classes", "method", "target", "target_layer", "resize", "crop", "mean",
    "std", "interpolation", "top_k", "exact", "device",
)  # fmt: skip


def _draw(request: "ExplainRequest", out: Path) -> Path:
    from flows.machine import resolve_device
    from reports.views.explain_page import write_explain_page
    from reports.views.view_folder import refuse_other_folder
    from tasks.views.explain import count_steps
    from tasks.views.explain import explain as find_views
    from tasks.views.explain_plan import plan_explain

    refuse_other_folder(out)
    device = resolve_device(request.config.device)
    console.print(f"Reading {request.config.model} ...", soft_wrap=True)
    plan = plan_explain(request)
    with Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        bar = progress.add_task("", total=count_steps(plan))
        explanation = find_views(
            plan, device, lambda text: progress.update(bar, description=escape(text), advance=1)
        )
    return write_explain_page(explanation, out).resolve()
