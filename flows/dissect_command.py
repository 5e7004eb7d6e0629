"""`camaudit dissect`: label units by the named objects that they answer to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from flows.plain_errors import told_plainly
from flows.progress import console
from flows.run_again import Device, RunPath, advancing, check_device, open_model, tell_unreadable

if TYPE_CHECKING:
    from tasks.dissection.dissection import Dissection
    from tasks.dissection.plan import DissectionPlan

Out = Annotated[
    Path | None, typer.Option(help="Folder to write the page to; default: RUN/dissection")
]
TopShare = Annotated[
    float, typer.Option(help="Of all positions of all images, above a unit's threshold")
]
Iou = Annotated[float, typer.Option(help="That a unit must exceed to be labelled")]
Images = Annotated[
    int | None, typer.Option(help="To look at, at most, each label its share; default: all")
]
Shown = Annotated[int, typer.Option(help="Units with pictures, at most")]
Seed = Annotated[int, typer.Option(help="Of the sample of images and of the shuffle")]


def dissect(
    run_folder: RunPath,
    out: Out = None,
    top_share: TopShare = 0.005,
    iou: Iou = 0.04,
    images: Images = None,
    shown: Shown = 24,
    seed: Seed = 0,
    device: Device = None,
) -> None:
    """Label an audit's units by the named objects that they answer to (Network Dissection)."""
    # Imported late: --help needs none of it.
    from reports.dissection.dissection_page import write_dissection_page
    from reports.views.view_folder import refuse_other_folder
    from tasks.dissection.plan import DissectionOptions, plan_dissection
    from tasks.tables.storage import RunFolder

    with told_plainly():
        check_device(device)
        folder = out or run_folder / "dissection"
        options = DissectionOptions(top_share, iou, images, shown, seed=seed)
        plan = plan_dissection(RunFolder(run_folder), options)
        refuse_other_folder(folder)
        found = _dissect(plan, device)
        page = write_dissection_page(found, folder)
        _print(found)
        print(page.resolve())


def _dissect(plan: "DissectionPlan", device: str | None) -> "Dissection":
    from tasks.dissection.stage import dissect as dissect_units

    total, named = len(plan.rows), sum(map(plan.named, plan.rows))
    console.print(
        f"Dissecting {plan.facts['model']['target_layer']}: {total:,} images for the thresholds, "
        f"{named:,} with named objects ...",
        soft_wrap=True,
    )
    model = open_model(plan.facts, device)
    with advancing("Dissection", "images", total + named) as advance:
        return dissect_units(plan, model, advance)


def _print(found: "Dissection") -> None:
    units, out = found.facts["units"], Console(highlight=False)
    lucky = units["shuffled_detectors"]
    chance = "" if lucky is None else f"; objects of other images reach it for {lucky:,}"
    out.print(
        f"{units['detectors']:,} of {units['all']:,} units answer to a named object (IoU above "
        f"{found.facts['iou']:g}), {units['unique']:,} of {found.facts['concepts']:,} objects"
        f"{chance}",
        soft_wrap=True,
    )
    best = sorted((u for u in found.units if u.label), key=lambda u: (-u.iou, u.unit))[:5]
    for unit in best:
        out.print(
            f"unit {unit.unit}: {unit.label}, IoU {unit.iou:.3f} (by chance {unit.chance:.3f}), "
            f"threshold {unit.threshold:.3g}",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    tell_unreadable(found.facts["failures"])
