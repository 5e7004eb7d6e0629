"""The objects of a class as rows of a table."""

from dataclasses import dataclass
from typing import Any

from reports.quantities import Rate
from tasks.tables.completion import added_facts
from tasks.tables.storage import RunFolder

SHOWN_OBJECTS = 8


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


def object_row(row: dict[str, Any]) -> ObjectRow:
    """row : of INFORMATIVE_OBJECTS"""
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


def load_objects(run: RunFolder) -> dict[int, list[dict[str, Any]]] | None:
    """Rows of INFORMATIVE_OBJECTS by class, the most informative first; None where `camaudit
    objects` has not counted."""
    if added_facts(run, "objects") is None:
        return None
    by_class: dict[int, list[dict[str, Any]]] = {}
    for row in run.dataset("informative_objects").to_table().to_pylist():
        by_class.setdefault(row["class_idx"], []).append(row)
    return by_class
