"""Things of no class that may lie before an object: a ball, a ring, a pencil."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tasks.scenes.brush import Brush, Color, ellipse, lighter
from tasks.scenes.objects import PALETTE


def draw_clutter(rng: np.random.Generator, canvas: int) -> Brush:
    """Paint one to three pieces in three of ten draws, nothing in the others.

    Returns the brush with its layer, as large as the canvas (pixels a side).
    """
    brush = Brush(canvas, np.array([[canvas / 2, 0, canvas / 2], [0, canvas / 2, canvas / 2]]))
    pieces = int(rng.integers(1, 4)) if rng.random() < 0.3 else 0
    for _ in range(pieces):
        center, angle = rng.uniform(-0.6, 0.6, 2), float(rng.uniform(0, np.pi))
        color = PALETTE[rng.integers(len(PALETTE))]
        PAINTERS[rng.integers(len(PAINTERS))](brush, center, angle, color)
    return brush


def paint_ball(brush: Brush, center: np.ndarray, angle: float, color: Color) -> None:
    """A ball with a gleam; its angle does not matter."""
    brush.fill(ellipse(tuple(center), (0.16, 0.16)), color, shade=0.35, line=0.015)
    brush.fill(ellipse(tuple(center - 0.06), (0.045, 0.035)), lighter(color, 0.7), line=0)


def paint_ring(brush: Brush, center: np.ndarray, angle: float, color: Color) -> None:
    """A ring seen at an angle; the background shows through it."""
    tilt = 0.14 + 0.08 * np.cos(angle)
    brush.stroke(ellipse(tuple(center), (0.22, tilt)), color, 0.07, line=0.015, shade=0.3)


def paint_pencil(brush: Brush, center: np.ndarray, angle: float, color: Color) -> None:
    """A sharpened pencil, long enough to cross an object."""
    along = np.array((np.cos(angle), np.sin(angle)))
    aside = np.array((-along[1], along[0])) * 0.055
    back, neck, tip = center - 0.5 * along, center + 0.36 * along, center + 0.5 * along
    brush.fill(
        np.array([back - aside, neck - aside, neck + aside, back + aside]), color, line=0.015
    )
    brush.stroke(np.array([back, neck]), lighter(color, 0.45), 0.03)
    brush.fill(np.array([neck - aside, tip, neck + aside]), (232, 200, 152), line=0.015)


PAINTERS: tuple[Callable[[Brush, np.ndarray, float, Color], None], ...] = (
    paint_ball,
    paint_pencil,
    paint_ring,
)
