"""The numbers of two audits as the page's tables show them."""

from dataclasses import dataclass
from typing import Any

from reports.diff.diff_sentences import main_scope
from tasks.diff.metrics import METRICS, Metric
from tasks.diff.stage import Difference

MOST_PAIRS = 60

CLASS_METRICS = (
    "accuracy", "object_energy", "background_score", "background_driven_share",
    "background_leaning_share", "accuracy_replaced", "localization",
)  # fmt: skip

Row = dict[str, Any]


@dataclass(frozen=True)
class Bounds:
    """A number with its interval, as `interval` reads it; NaN where unknown."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Change:
    """mark : better or worse where the row is called changed, else ''"""

    row: Row
    metric: Metric
    a: Bounds
    b: Bounds
    difference: Bounds
    mark: str


@dataclass(frozen=True)
class ClassRow:
    """changes : in the order of the columns, None where too few images were tested to say
    mistakes : of MISTAKE_COUNTS; None without images in both
    """

    name: str
    changes: list[Change | None]
    mistakes: Row | None


@dataclass(frozen=True)
class PairRow:
    label: str
    predicted: str
    confusion: Change
    driven: Change | None


def change(row: Row) -> Change:
    a, b = (
        Bounds(*(_number(row[f"{n}_{side}"]) for n in ("value", "low", "high"))) for side in "ab"
    )
    difference = Bounds(*(_number(row[name]) for name in ("difference", "low", "high")))
    mark = ("better" if row["better"] else "worse") if row["changed"] else ""
    return Change(row, METRICS[row["metric"]], a, b, difference, mark)


def figures(difference: Difference) -> dict[str, list[Change]]:
    """Of each scope the quantities over all images that are known in either audit."""
    found: dict[str, list[Change]] = {}
    for row in difference.tables["quantities"].to_pylist():
        if row["group"] == "all" and (row["value_a"] is not None or row["value_b"] is not None):
            found.setdefault(row["scope"], []).append(change(row))
    return found


def class_columns(difference: Difference) -> list[Metric]:
    """The metrics that could be tested of any class."""
    known = {
        row["metric"]
        for row in difference.tables["quantities"].to_pylist()
        if row["group"] == "class" and row["p_value"] is not None
    }
    return [METRICS[name] for name in CLASS_METRICS if name in known]


def class_rows(difference: Difference, columns: list[Metric]) -> list[ClassRow]:
    """Changed classes first, worse before better, then by the size of the change in accuracy."""
    scope = main_scope(difference)
    by_class: dict[str, dict[str, Change]] = {}
    for row in difference.tables["quantities"].to_pylist():
        if row["group"] == "class" and row["scope"] == scope:
            found = by_class.setdefault(row["label"], {})
            if row["p_value"] is not None or row["metric"] == "accuracy":
                found[row["metric"]] = change(row)
    mistakes = {row["label"]: row for row in difference.tables["mistake_counts"].to_pylist()}
    rows = [
        ClassRow(name, [found.get(metric.name) for metric in columns], mistakes.get(name))
        for name, found in by_class.items()
    ]
    return sorted(rows, key=_gravity)


def pair_rows(difference: Difference) -> list[PairRow]:
    """The pairs whose confusion changed most, called changes first."""
    scope = main_scope(difference)
    found: dict[str, dict[tuple[str, str], Change]] = {"confusion": {}}
    for row in difference.tables["quantities"].to_pylist():
        if row["group"] == "pair" and row["scope"] == scope and row["difference"] is not None:
            key = (row["label"], row["predicted"])
            found.setdefault(row["metric"], {})[key] = change(row)
    driven = found.get("background_driven_share", {})
    rows = [PairRow(*key, each, driven.get(key)) for key, each in found["confusion"].items()]
    rows.sort(
        key=lambda row: (not row.confusion.mark, -abs(row.confusion.difference.value), row.label)
    )
    return rows[:MOST_PAIRS]


def _gravity(row: ClassRow) -> tuple[Any, ...]:
    marks = [each.mark for each in row.changes if each]
    place = 0 if "worse" in marks else 1 if "better" in marks else 2
    first = row.changes[0] if row.changes else None
    size = abs(first.difference.value) if first and first.row["difference"] is not None else 0.0
    return place, -size, row.name


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
