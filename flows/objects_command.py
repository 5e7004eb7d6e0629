"""`camaudit objects`: the objects that the maps of a class cover oftener than by chance."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from flows.plain_errors import told_plainly
from flows.progress import console
from flows.run_again import RunPath, advancing, tell_unreadable

if TYPE_CHECKING:
    from tasks.informative_objects.class_objects import InformativeObjects
    from tasks.informative_objects.plan import ObjectsPlan

Out = Annotated[Path | None, typer.Option(help="Folder to write the page to; default: RUN/objects")]
Share = Annotated[
    float, typer.Option(help="Of the map's maximum, from which on a pixel is in the region")
]
Covered = Annotated[float, typer.Option(help="Share of an object that the region must cover")]
Lenders = Annotated[
    int, typer.Option(help="Maps of other images of the class that tell what chance covers")
]
Seed = Annotated[int, typer.Option(help="Of the choice of these maps")]


def objects(
    run_folder: RunPath,
    out: Out = None,
    share: Share = 0.2,
    covered: Covered = 0.5,
    lenders: Lenders = 50,
    seed: Seed = 0,
) -> None:
    """Rank the named objects of each class by how much oftener than by chance its maps cover
    them, and draw the report again with them; no forward is needed."""
    # Imported late: --help needs none of it.
    from reports.build import build_report
    from reports.informative_objects.objects_page import write_objects_page
    from reports.views.view_folder import refuse_other_folder
    from tasks.informative_objects.plan import ObjectsOptions, plan_objects
    from tasks.tables.completion import write_added
    from tasks.tables.storage import RunFolder

    with told_plainly():
        folder = out or run_folder / "objects"
        options = ObjectsOptions(share, covered, lenders, seed=seed)
        plan = plan_objects(RunFolder(run_folder), options)
        refuse_other_folder(folder)
        found = _find(plan)
        write_added(plan.run, "objects", [("informative_objects", found.table)], found.facts)
        build_report(run_folder)
        page = write_objects_page(found, folder)
        _print(found)
        print(page.resolve())


def _find(plan: "ObjectsPlan") -> "InformativeObjects":
    from tasks.informative_objects.stage import find_objects

    total = len(plan.rows)
    console.print(f"Holding {total:,} maps against named objects ...", soft_wrap=True)
    with advancing("Maps", "maps", total) as advance:
        return find_objects(plan, advance)


def _print(found: "InformativeObjects") -> None:
    facts, out = found.facts, Console(highlight=False)
    out.print(
        f"{facts['objects']:,} objects in {facts['images']['used']:,} rightly predicted images of "
        f"{facts['classes']:,} classes",
        soft_wrap=True,
    )
    sure = [row for row in found.table.to_pylist() if (row["difference_low"] or 0) > 0]
    for row in sorted(sure, key=lambda row: -row["difference_low"])[:5]:
        out.print(
            f"{row['class_name']}: {row['object']} covered in {100 * row['rate']:.1f} % of "
            f"{row['with_object']:,} images, by chance {100 * row['chance']:.1f} %",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    tell_unreadable(facts["failures"])
