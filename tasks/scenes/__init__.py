"""Renders one object on one background, with the exact mask of the object.

A scene is a pure function of its names and seeds, and the object's layer knows nothing of
the background. The same object can therefore be rendered again on another background with
nothing else changed: whether a classifier's mistake is driven by the background is then a
fact to be measured and not an estimate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np

from tasks.scenes import backgrounds, objects
from tasks.scenes.brush import Brush
from tasks.scenes.clutter import draw_clutter

OBJECT_NAMES = tuple(sorted(objects.PAINTERS))
BACKGROUND_NAMES = tuple(sorted(backgrounds.PAINTERS))
Painter = TypeVar("Painter")
SUPERSAMPLING = 3  # drawn at three times the side and averaged, on top of cv2's smooth lines


@dataclass(frozen=True)
class Scene:
    """A rendered picture.

    Attributes
    ----------
    image : ndarray, shape (S, S, 3), uint8, RGB.
    mask : ndarray, shape (S, S), uint8: 255 where the object covers more than half of a
        pixel and nothing lies before it, otherwise 0.
    """

    image: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True)
class ObjectLayer:
    """An object with its clutter and its shadow, ready to be laid over any background.

    Attributes
    ----------
    color : ndarray, shape (S, S, 3), float32: premultiplied RGB of object and clutter.
    coverage : ndarray, shape (S, S), float32, in [0, 1]: how much of a pixel they hide.
    shadow : ndarray, shape (S, S), float32, in [0, 1]: how much they darken what is behind.
    mask : ndarray, shape (S, S), uint8 in {0, 255}: the visible object, without clutter.
    """

    color: np.ndarray
    coverage: np.ndarray
    shadow: np.ndarray
    mask: np.ndarray


def render_scene(
    object_name: str, background_name: str, object_seed: int, background_seed: int, size: int
) -> Scene:
    """Render one object on one background; the same arguments give the same bytes.

    Raises KeyError for a name outside OBJECT_NAMES or BACKGROUND_NAMES.
    """
    layer = render_object(object_name, object_seed, size)
    background = render_background(background_name, background_seed, size)
    return Scene(image=compose(layer, background), mask=layer.mask)


def compose(layer: ObjectLayer, background: np.ndarray) -> np.ndarray:
    """Lay an object over a background (S, S, 3), float32 in [0, 255]; returns uint8 RGB."""
    behind = background * (1 - layer.shadow[..., None])
    image: np.ndarray = layer.color + behind * (1 - layer.coverage[..., None])
    return np.rint(image).astype(np.uint8)


def render_background(name: str, seed: int, size: int) -> np.ndarray:
    """Render a background alone: (size, size, 3), float32 RGB in [0, 255]."""
    painter = _look_up(backgrounds.PAINTERS, name, "background")
    rng = np.random.default_rng([seed, *name.encode()])
    image = painter(size * SUPERSAMPLING, rng) * np.float32(rng.uniform(0.86, 1.06))
    return _shrink(np.clip(image, 0, 255), size)


def render_object(name: str, seed: int, size: int) -> ObjectLayer:
    """Render an object alone; its pose, colours and clutter all follow from the seed."""
    painter = _look_up(objects.PAINTERS, name, "object")
    rng = np.random.default_rng([seed, *name.encode()])
    canvas = size * SUPERSAMPLING
    thing = Brush(canvas, _draw_pose(rng, canvas))
    picks = rng.choice(len(objects.PALETTE), 3, replace=False)
    painter(thing, [objects.PALETTE[pick] for pick in picks], rng)
    clutter = draw_clutter(rng, canvas)
    seen = 1 - clutter.coverage
    # Rounded, so that a wholly covered pixel cannot change with the background.
    coverage = np.round(_shrink(clutter.coverage + thing.coverage * seen, size) * 255) / 255
    return ObjectLayer(
        color=_shrink(clutter.color + thing.color * seen[..., None], size),
        coverage=coverage,
        shadow=_cast_shadow(coverage, rng),
        mask=np.where(_shrink(thing.coverage * seen, size) > 0.5, 255, 0).astype(np.uint8),
    )


def _draw_pose(rng: np.random.Generator, canvas: int) -> np.ndarray:
    """Draw a pose (2, 3); three in ten objects are hard: small, far from the middle, turned."""
    hard = rng.random() < 0.3
    radius = rng.uniform(0.13, 0.22) if hard else rng.uniform(0.27, 0.4)
    turn = np.radians(rng.uniform(-150, 150) if hard else rng.normal(0, 16))
    reach = 0.25 if hard else 0.08
    center = canvas * (0.5 + rng.uniform(-reach, reach, 2))
    mirror, squeeze = rng.choice([-1.0, 1.0]), rng.uniform(0.85, 1.15)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = rotation @ np.diag([mirror * squeeze, 1 / squeeze]) * radius * canvas
    return np.column_stack([linear, center])


def _cast_shadow(coverage: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur and shift the silhouette to the lower right: (S, S), float32, in [0, 0.45]."""
    size = coverage.shape[0]
    shift = rng.uniform(0.015, 0.045) * size
    move = np.array([[1, 0, 0.6 * shift], [0, 1, shift]], np.float32)
    moved = cv2.warpAffine(coverage, move, (size, size))
    soft: np.ndarray = cv2.GaussianBlur(moved, (0, 0), size / 45)
    return soft * np.float32(rng.uniform(0.3, 0.45))


def _shrink(layer: np.ndarray, size: int) -> np.ndarray:
    small: np.ndarray = cv2.resize(layer, (size, size), interpolation=cv2.INTER_AREA)
    return small


def _look_up(painters: Mapping[str, Painter], name: str, kind: str) -> Painter:
    if name not in painters:
        raise KeyError(f"no {kind} is named {name!r}; known: {', '.join(sorted(painters))}")
    return painters[name]
