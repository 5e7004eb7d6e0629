"""A brush that paints shaded, outlined shapes in an object's own coordinates.

An object draws in a square that reaches from -1 to 1, x to the right and y down; the
brush's pose (2 x 3 affine) places that square on the canvas. Everything lands in one
premultiplied RGB layer with its coverage, so the object can be laid over any background.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

SUBPIXEL_BITS = 4  # cv2 draws with fixed-point coordinates of 1/16 pixel

Color = tuple[float, float, float]


def ellipse(
    center: tuple[float, float],
    radii: tuple[float, float],
    degrees: tuple[float, float] = (0.0, 360.0),
    points: int = 48,
) -> np.ndarray:
    """Points of an elliptic arc, clockwise on the screen from the right: (points, 2), float64."""
    angle = np.radians(np.linspace(*degrees, points))
    return np.stack(
        [center[0] + radii[0] * np.cos(angle), center[1] + radii[1] * np.sin(angle)], axis=1
    )


def spline(corners: Sequence[tuple[float, float]], steps: int = 10) -> np.ndarray:
    """A closed Catmull-Rom curve through corners: (steps * len(corners), 2), float64."""
    knots = np.asarray(corners, dtype=np.float64)
    before, after, beyond = np.roll(knots, 1, 0), np.roll(knots, -1, 0), np.roll(knots, -2, 0)
    time = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    curve = (
        2 * knots[:, None]
        + (after - before)[:, None] * time
        + (2 * before - 5 * knots + 4 * after - beyond)[:, None] * time**2
        + (3 * knots - before - 3 * after + beyond)[:, None] * time**3
    )
    closed: np.ndarray = (0.5 * curve).reshape(-1, 2)
    return closed


def darker(color: Color, factor: float = 0.45) -> Color:
    """The colour scaled towards black; components stay in [0, 255]."""
    return (color[0] * factor, color[1] * factor, color[2] * factor)


def lighter(color: Color, share: float = 0.5) -> Color:
    """The colour moved towards white by a share in [0, 1]."""
    red, green, blue = (component + (255 - component) * share for component in color)
    return (red, green, blue)


class Brush:
    """Paints onto one layer.

    Parameters
    ----------
    canvas : side of the square layer in (supersampled) pixels.
    pose : ndarray, shape (2, 3): object coordinates to canvas pixels.

    Attributes
    ----------
    color : ndarray, shape (canvas, canvas, 3), float32, premultiplied, in [0, 255].
    coverage : ndarray, shape (canvas, canvas), float32, in [0, 1].
    """

    def __init__(self, canvas: int, pose: np.ndarray) -> None:
        self.pose = pose
        self.scale = float(np.sqrt(abs(np.linalg.det(pose[:, :2]))))
        self.color = np.zeros((canvas, canvas, 3), np.float32)
        self.coverage = np.zeros((canvas, canvas), np.float32)

    def fill(
        self,
        outline: np.ndarray,
        color: Color,
        holes: Sequence[np.ndarray] = (),
        shade: float = 0.2,
        line: float = 0.045,
        opacity: float = 1.0,
    ) -> None:
        """Fill a closed outline, lit from the upper left by +-shade, edged by a line."""
        contours = [self._to_canvas(outline), *(self._to_canvas(hole) for hole in holes)]
        part = np.zeros(self.coverage.shape, np.uint8)
        cv2.fillPoly(part, contours, 255, cv2.LINE_AA, SUBPIXEL_BITS)
        self._blend(part, color, shade, opacity)
        if line > 0:
            self._draw_lines(contours, darker(color), line, closed=True)

    def stroke(
        self, path: np.ndarray, color: Color, width: float, line: float = 0.0, shade: float = 0.0
    ) -> None:
        """Draw an open path of a width in object units; line > 0 adds an edge on both sides."""
        contours = [self._to_canvas(path)]
        if line > 0:
            self._draw_lines(contours, darker(color), width + 2 * line, closed=False)
        self._draw_lines(contours, color, width, closed=False, shade=shade)

    def _to_canvas(self, points: np.ndarray) -> np.ndarray:
        placed = np.asarray(points, np.float64) @ self.pose[:, :2].T + self.pose[:, 2]
        fixed: np.ndarray = np.round(placed * (1 << SUBPIXEL_BITS)).astype(np.int32)
        return fixed

    def _draw_lines(
        self,
        contours: list[np.ndarray],
        color: Color,
        width: float,
        closed: bool,
        shade: float = 0.0,
    ) -> None:
        part = np.zeros(self.coverage.shape, np.uint8)
        pixels = max(1, round(width * self.scale))
        cv2.polylines(part, contours, closed, 255, pixels, cv2.LINE_AA, SUBPIXEL_BITS)
        self._blend(part, color, shade, 1.0)

    def _blend(self, part: np.ndarray, color: Color, shade: float, opacity: float) -> None:
        left, top, width, height = cv2.boundingRect(part)
        if width == 0:
            return  # the part lies outside the canvas
        window = np.s_[top : top + height, left : left + width]
        alpha = part[window].astype(np.float32) * np.float32(opacity / 255.0)
        across = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
        down = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        light = 1 - np.float32(shade) * (0.45 * across + 0.55 * down)
        paint = np.clip(light[..., None] * np.asarray(color, np.float32), 0, 255)
        self.color[window] += alpha[..., None] * (paint - self.color[window])
        self.coverage[window] += alpha * (1 - self.coverage[window])
