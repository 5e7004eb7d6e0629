"""`camaudit concept`: learn a concept on an audit's deep features and find it in pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from flows.plain_errors import told_plainly
from flows.progress import console
from flows.run_again import Device, RunPath, advancing, check_device, open_model, tell_unreadable

if TYPE_CHECKING:
    from tasks.concepts.concept import Concept
    from tasks.concepts.plan import ConceptPlan

Positives = Annotated[
    str,
    typer.Option(
        help="COLUMN=VALUE (a tag of the manifest, split=VALUE or label=CLASS), or a file with a "
        "uri or an image_id a line, or a CSV with a column 'uri' or 'image_id'"
    ),
]
Negatives = Annotated[str | None, typer.Option(help="In the same way; default: all other images")]
Out = Annotated[Path | None, typer.Option(help="Folder to write the page to; default: RUN/concept")]
Cost = Annotated[float, typer.Option("--c", help="C of the SVM: higher fits the images closer")]
Rounds = Annotated[int, typer.Option(help="Of mining hard negatives, at most")]
Shown = Annotated[int, typer.Option(help="Pictures in each group")]
Sampled = Annotated[
    int, typer.Option(help="Held-out positives whose maps are held against the object")
]
Seed = Annotated[int, typer.Option(help="Of the split, the first negatives and the bootstrap")]


def concept(
    run_folder: RunPath,
    positives: Positives,
    negatives: Negatives = None,
    out: Out = None,
    c: Cost = 0.1,
    rounds: Rounds = 20,
    shown: Shown = 16,
    sampled: Sampled = 100,
    seed: Seed = 0,
    device: Device = None,
) -> None:
    """Learn a concept from some of an audit's images, and show where it lies in others."""
    # Imported late: --help needs none of it.
    from reports.concepts.concept_page import write_concept_page
    from reports.views.view_folder import refuse_other_folder
    from tasks.concepts.plan import ConceptOptions, plan_concept
    from tasks.tables.storage import RunFolder

    with told_plainly():
        check_device(device)
        folder = out or run_folder / "concept"
        options = ConceptOptions(positives, negatives, c, rounds, shown, sampled, seed)
        plan = plan_concept(RunFolder(run_folder), options)
        refuse_other_folder(folder)
        found = _learn(plan, device)
        page = write_concept_page(found, folder)
        _print(found)
        print(page.resolve())


def _learn(plan: "ConceptPlan", device: str | None) -> "Concept":
    from tasks.concepts.stage import draw_concept, learn_concept

    console.print(
        f"Learning from {int((plan.positive & ~plan.held_out).sum()):,} positives and "
        f"{int((~plan.positive & ~plan.held_out).sum()):,} negatives ...",
        soft_wrap=True,
    )
    learned = learn_concept(plan)
    model = open_model(plan.facts, device)
    with advancing("Maps", "images", None) as advance:
        return draw_concept(plan, learned, model, advance)


def _print(found: "Concept") -> None:
    precision = found.precision
    lines = [
        f"average precision {_share(precision.value)} "
        f"[{100 * precision.low:.1f}, {100 * precision.high:.1f}] on {precision.images:,} held-out "
        f"images; a random ranking: {_share(found.base_rate)}"
    ]
    if found.objects is not None:
        energy, area = found.objects.energy, found.objects.area
        lines.append(
            f"map on the object {_share(energy.value)} "
            f"[{100 * energy.low:.1f}, {100 * energy.high:.1f}] over {energy.images:,} positives; "
            f"its area: {_share(area.value)}"
        )
    if not found.mined.converged:
        lines.append(
            f"hard negatives are left after {len(found.mined.rounds)} rounds: give more --rounds"
        )
    out = Console(highlight=False)
    for line in lines:
        out.print(line, soft_wrap=True)
    tell_unreadable(found.facts["failures"])


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"
