"""Curves as SVG: the geometry; a template draws it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 320, 230
LEFT, RIGHT, TOP, BOTTOM = 36, 316, 10, 190
_TOPS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
_STEPS = 4

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """name, style : as in the legend; style is a class of the style sheet
    path : commands of an SVG path
    """

    name: str
    style: str
    path: str


@dataclass(frozen=True)
class Tick:
    """position : in units of the drawing"""

    position: float
    label: str


@dataclass(frozen=True)
class Chart:
    """summary : what one who cannot see the drawing should know"""

    title: str
    axis: str
    summary: str
    lines: list[Line]
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def common_top(values: Iterable[float]) -> float:
    """The end of a probability axis that holds all finite values, in (0, 1]."""
    largest = max((value for value in values if math.isfinite(value)), default=0.0)
    return next((top for top in _TOPS if largest <= top), 1.0)


def draw_path(points: Sequence[Point], top: float) -> str:
    """Points (share in [0, 1], probability in [0, top]) as an SVG path, those that are not
    finite left out."""
    commands = [
        f"{_x(share):.1f} {_y(value, top):.1f}"
        for share, value in points
        if math.isfinite(share) and math.isfinite(value)
    ]
    return f"M{' L'.join(commands)}" if commands else ""


def share_ticks() -> list[Tick]:
    """0 % to 100 % along the x axis."""
    return [Tick(_x(i / _STEPS), f"{100 * i // _STEPS} %") for i in range(_STEPS + 1)]


def probability_ticks(top: float) -> list[Tick]:
    """0 to `top` along the y axis."""
    values = [top * i / _STEPS for i in range(_STEPS + 1)]
    return [Tick(_y(value, top), f"{value:.3g}") for value in values]


def _x(share: float) -> float:
    return LEFT + share * (RIGHT - LEFT)


def _y(value: float, top: float) -> float:
    return BOTTOM - value / top * (BOTTOM - TOP)
