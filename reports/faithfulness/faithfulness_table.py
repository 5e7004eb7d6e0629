"""Methods by measures: the cells of the tables of the faithfulness page."""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reports.faithfulness.faithfulness_words import MEASURES, Measure, words_of
from reports.formats import decimal, percent

COLOURED = 8  # lines of more methods than that cannot be told apart by colour


@dataclass(frozen=True)
class Cell:
    """One number of one method.

    text, interval : as on the page; interval is '' where there is none
    sort : the number itself
    images : that it is the mean of
    mark : 'best', 'better', 'worse' or ''
    """

    text: str
    interval: str
    sort: float
    images: int
    mark: str


@dataclass(frozen=True)
class Row:
    """cells, differences : one per measure; None where the method was not measured"""

    method: str
    baseline: bool
    style: str
    cells: list[Cell | None]
    differences: list[Cell | None]


@dataclass(frozen=True)
class Column:
    """images : the most that a method of the column was measured on"""

    measure: str
    words: Measure
    better: str
    images: int


def method_rows(table: pd.DataFrame, columns: list[Column], reference: str) -> list[Row]:
    """The reference first, then the other methods by mean rank, then the baselines by name.

    table : as `tasks.faithfulness.comparison.compare_methods` returns it
    """
    styles = _styles(table, reference)
    return [_row(table, columns, method, style) for method, style in styles.items()]


def measure_columns(table: pd.DataFrame) -> list[Column]:
    """In the order of MEASURES, however the table is sorted.

    Raises: AuditError for a measure that the report has no words for.
    """
    rank = {measure: place for place, measure in enumerate(MEASURES)}
    found = {str(name): rows for name, rows in table.groupby("measure", sort=False)}
    named = {name: words_of(name) for name in found}
    return [
        Column(name, named[name], str(found[name]["better"].iloc[0]), int(found[name].images.max()))
        for name in sorted(found, key=rank.__getitem__)
    ]


def _styles(table: pd.DataFrame, reference: str) -> dict[str, str]:
    """Methods in the order of the page, each with its line: the reference first, then by mean
    rank over the measures, baselines last."""
    signed = table["value"].where(table["better"] == "lower", -table["value"])
    ranks = signed.groupby(table["measure"]).rank(na_option="bottom")
    order = ranks.groupby(table["method"]).mean().sort_values(kind="stable").index
    baselines = set(table.loc[table["baseline"], "method"])
    methods = [str(m) for m in order if m not in baselines and m != reference]
    known = [reference] * bool((table["method"] == reference).any())
    named = {m: f"s{i}" if i < COLOURED else "rest" for i, m in enumerate([*known, *methods])}
    grounds = sorted(str(m) for m in baselines if m != reference)
    return named | {method: f"base b{i % 3}" for i, method in enumerate(grounds)}


def _row(table: pd.DataFrame, columns: list[Column], method: str, style: str) -> Row:
    own = table[table["method"] == method].set_index("measure")
    found = [own.loc[c.measure] if c.measure in own.index else None for c in columns]
    return Row(
        method=method,
        baseline=bool(own["baseline"].iloc[0]),
        style=style,
        cells=[_cell(row, c.words) for row, c in zip(found, columns, strict=True)],
        differences=[_difference(row, c) for row, c in zip(found, columns, strict=True)],
    )


def _cell(row: Any, words: Measure) -> Cell | None:
    if row is None:
        return None
    mark = "best" if row["among_best"] else ""
    text = percent(row["value"]) if words.unit == "share" else decimal(row["value"], 3)
    return Cell(text, _interval(row["low"], row["high"], words), row["value"], row["images"], mark)


def _difference(row: Any, column: Column) -> Cell | None:
    if row is None or not math.isfinite(row["difference"]):
        return None
    low, high, value = row["difference_low"], row["difference_high"], row["difference"]
    sign = 1 if column.better == "higher" else -1
    certain = low > 0 or high < 0
    mark = "" if not certain else "better" if sign * value > 0 else "worse"
    scale, digits = (100, 1) if column.words.unit == "share" else (1, 3)
    text = f"{scale * value:+.{digits}f}".replace("-", "−")
    return Cell(text, _interval(low, high, column.words), value, row["images"], mark)


def _interval(low: float, high: float, words: Measure) -> str:
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    scale, digits = (100, 1) if words.unit == "share" else (1, 3)
    return f"[{decimal(scale * low, digits)}, {decimal(scale * high, digits)}]"
