"""Curves as tables: a page holds the numbers, a script draws them with uPlot."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

_TOPS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class Line:
    """name, style : as in the legend; style is a class of the style sheet"""

    name: str
    style: str


@dataclass(frozen=True)
class Row:
    """place : along the x axis, in per cent
    values : one per line; '–' where there is none
    """

    place: str
    values: list[str]


@dataclass(frozen=True)
class Chart:
    """summary : what one who cannot see the drawing should know
    unit : of the values, '' or '%'
    top : end of the y axis, in that unit
    lines : the first lies above the others
    rows : in ascending order of their place
    """

    title: str
    axis: str
    summary: str
    unit: str
    top: float
    lines: list[Line]
    rows: list[Row]


def common_top(values: Iterable[float]) -> float:
    """The end of a probability axis that holds all finite values, in (0, 1]."""
    largest = max((value for value in values if math.isfinite(value)), default=0.0)
    return next((top for top in _TOPS if largest <= top), 1.0)


def chart_rows(values: pd.DataFrame, digits: int) -> list[Row]:
    """The points of a chart, as its table writes them.

    values : index the shares along the x axis, in [0, 1]; one column per line
    """
    cells = values.sort_index().itertuples()
    return [
        Row(f"{round(100 * share, 2):g}", [_cell(value, digits) for value in points])
        for share, *points in cells
    ]


def _cell(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"
