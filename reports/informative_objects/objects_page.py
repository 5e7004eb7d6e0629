"""The page of `camaudit objects`: per class, the objects that its maps cover."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.informative_objects.objects_words import LIMITS, how_made
from reports.quantities import Rate
from reports.site import model_name
from reports.views.view_folder import view_writer
from tasks.informative_objects.class_objects import InformativeObjects
from tasks.tables.storage import write_json, write_table

SHOWN_OBJECTS = 8
SHOWN_CLASSES = 60


@dataclass(frozen=True)
class Bounds:
    """Points between the rate and chance, as `interval` reads them."""

    low: float
    high: float


@dataclass(frozen=True)
class ObjectRow:
    """row : of INFORMATIVE_OBJECTS
    mark : better or worse where the interval of the difference leaves zero out, else ''
    """

    row: dict[str, Any]
    rate: Rate
    frequency: Rate
    difference: Bounds | None
    mark: str


@dataclass(frozen=True)
class ClassTable:
    """more : objects that the page leaves to the table"""

    name: str
    images: int
    rows: list[ObjectRow]
    more: int


def write_objects_page(found: InformativeObjects, folder: Path) -> Path:
    """Write FOLDER/index.html, objects.json and the table objects as Parquet; returns the path of
    the page. The folder appears whole.

    Raises: AuditError where the folder holds anything but an earlier view.
    """
    model, facts = model_name(found.model), found.facts
    title = f"Objects in the scenes of {model}"
    tables = _tables(found)
    with view_writer(folder, title, model, {"kind": "objects"}) as pages:
        write_json(pages.folder / "objects.json", facts)
        write_table(pages.folder / "objects.parquet", found.table)
        pages.write(
            "index.html",
            "objects.html",
            facts=facts,
            tables=tables,
            others=len(found.classes) - len(tables),
            made=how_made(facts),
            limits=LIMITS,
        )
    return folder / "index.html"


def _tables(found: InformativeObjects) -> list[ClassTable]:
    """The classes of the most images, by name."""
    with_objects = [each for each in found.classes if each.objects]
    chosen = sorted(with_objects, key=lambda each: (-each.images, each.class_idx))[:SHOWN_CLASSES]
    by_class: dict[int, list[dict[str, Any]]] = {each.class_idx: [] for each in chosen}
    for row in found.table.to_pylist():
        if row["class_idx"] in by_class:
            by_class[row["class_idx"]].append(row)
    return [
        ClassTable(
            each.name,
            each.images,
            [_row(row) for row in by_class[each.class_idx][:SHOWN_OBJECTS]],
            max(0, len(each.objects) - SHOWN_OBJECTS),
        )
        for each in sorted(chosen, key=lambda each: (each.name.casefold(), each.class_idx))
    ]


def _row(row: dict[str, Any]) -> ObjectRow:
    difference, mark = None, ""
    if row["difference"] is not None:
        difference = Bounds(row["difference_low"], row["difference_high"])
        mark = "better" if difference.low > 0 else "worse" if difference.high < 0 else ""
    return ObjectRow(
        row,
        Rate(row["overlapped"], row["with_object"]),
        Rate(row["with_object"], row["images"]),
        difference,
        mark,
    )
