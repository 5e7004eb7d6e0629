"""`camaudit features`: what an audit's deep features are worth to other classifiers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from flows.plain_errors import told_plainly
from flows.progress import console
from flows.run_again import Device, RunPath, advancing, check_device, open_model, tell_unreadable

if TYPE_CHECKING:
    from tasks.representation.common_images import Compared
    from tasks.representation.plan import RepresentationPlan
    from tasks.representation.representation import Representation

Out = Annotated[
    Path | None, typer.Option(help="Folder to write the page to; default: RUN/features")
]
Images = Annotated[int, typer.Option(help="Images to draw at most, each label its share")]
Folds = Annotated[int, typer.Option(help="Of the cross-validation")]
Cost = Annotated[float, typer.Option("--c", help="C of the classifiers: higher fits closer")]
Crops = Annotated[
    bool, typer.Option(help="Crop each image by its map and by its true box, and learn again")
]
Seed = Annotated[int, typer.Option(help="Of the sample, the folds and the bootstrap")]


def features(
    run_folder: RunPath,
    out: Out = None,
    images: Images = 2000,
    folds: Folds = 5,
    c: Cost = 0.01,
    crops: Crops = True,
    seed: Seed = 0,
    device: Device = None,
) -> None:
    """Learn an audit's labels again from its deep features, of whole images and of crops."""
    # Imported late: --help needs none of it.
    from reports.representation.representation_page import write_representation_page
    from reports.views.view_folder import refuse_other_folder
    from tasks.representation.common_images import compare_whole_images
    from tasks.representation.plan import RepresentationOptions, plan_representation
    from tasks.representation.stage import judge
    from tasks.tables.storage import RunFolder

    with told_plainly():
        check_device(device)
        folder = out or run_folder / "features"
        options = RepresentationOptions(images, folds, c, crops, seed)
        plan = plan_representation(RunFolder(run_folder), options)
        refuse_other_folder(folder)
        compared = _crop(plan, device) if crops else compare_whole_images(plan)
        console.print("Learning from the features ...", soft_wrap=True)
        found = judge(plan, compared)
        page = write_representation_page(found, folder)
        _print(found)
        print(page.resolve())


def _crop(plan: "RepresentationPlan", device: str | None) -> "Compared":
    from tasks.representation.common_images import compare_crops

    total = len(plan.features.label)
    console.print(f"Cropping {total:,} images, three forwards each ...", soft_wrap=True)
    model = open_model(plan.facts, device)
    with advancing("Crops", "images", total) as advance:
        return compare_crops(plan, model, advance)


def _print(found: "Representation") -> None:
    from reports.representation.representation_words import VIEW_WORDS, classifier_words

    facts = found.facts
    views = [view for view in VIEW_WORDS if any(each.view == view for each in found.accuracies)]
    table = Table("classifier", title=f"{facts['images']:,} images, {facts['classes']:,} classes")
    for view in views:
        table.add_column(VIEW_WORDS[view].lower(), justify="right", no_wrap=True)
    for classifier in dict.fromkeys(each.classifier for each in found.accuracies):
        of_views = {each.view: each for each in found.accuracies if each.classifier == classifier}
        cells = [
            f"{100 * each.value:.1f} %\n[{100 * each.low:.1f}, {100 * each.high:.1f}]"
            for each in (of_views[view] for view in views)
        ]
        words = classifier_words(classifier, facts["classes"], len(found.model["classes"]))
        table.add_row(words, *cells)
    out = Console(highlight=False)
    out.print(table)
    out.print("95 % Wilson intervals; paired differences and their tests stand on the page.")
    tell_unreadable(facts["failures"])
