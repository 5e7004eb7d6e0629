"""A picture: all that it is made from, and how it is composed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from tasks.scenes import OBJECT_NAMES, ObjectLayer, compose
from tasks.scenes.objects import PALETTE
from tests.planted.arms import Arm
from tests.planted.pools import Pools


@dataclass(frozen=True)
class Picture:
    """One object with one background and one cue.

    Attributes
    ----------
    class_idx : what the object is
    label : what the data set says it is; differs under label noise
    object_pool, background_pool : purpose of the pool that the part comes from
    cue_seed : where the mark lies
    patch_seed : where a patch occludes the object; -1: none does
    clutter_from : class and audit member of the object whose clutter lies there; None: its own
    """

    class_idx: int
    label: int
    object_pool: str
    object_member: int
    background: str
    background_pool: str
    background_member: int
    cue: str
    cue_seed: int = 0
    patch_seed: int = -1
    clutter_from: tuple[int, int] | None = None


def object_layer(pools: Pools, picture: Picture) -> ObjectLayer:
    """The object with all that lies before it; knows nothing of background and cue."""
    name = OBJECT_NAMES[picture.class_idx]
    layer = pools.object_layer(picture.object_pool, name, picture.object_member)
    if picture.clutter_from is not None:
        class_idx, member = picture.clutter_from
        lender = pools.object_layer("audit", OBJECT_NAMES[class_idx], member)
        layer = _with_clutter(layer, lender)
    return layer if picture.patch_seed < 0 else _occlude(layer, picture.patch_seed)


def _with_clutter(layer: ObjectLayer, lender: ObjectLayer) -> ObjectLayer:
    """The object with its shadow, and behind it the lender's clutter in place of its own.

    What lies more than a pixel beside the visible part of an object is its clutter.
    """
    own, lent = _near(layer), ~_near(lender)
    coverage = np.where(own, layer.coverage, np.float32(0))
    behind = np.where(lent, lender.coverage, np.float32(0))
    color = np.where(own[..., None], layer.color, np.float32(0))
    color_behind = np.where(lent[..., None], lender.color, np.float32(0))
    return replace(
        layer,
        color=color + (1 - coverage[..., None]) * color_behind,
        coverage=coverage + (1 - coverage) * behind,
    )


def _near(layer: ObjectLayer) -> np.ndarray:
    return cv2.dilate(layer.mask, np.ones((3, 3), np.uint8)) > 0


def draw(pools: Pools, arm: Arm, picture: Picture) -> np.ndarray:
    """Compose a picture: (64, 64, 3), uint8 RGB."""
    layer = object_layer(pools, picture)
    background = pools.background(
        picture.background_pool, picture.background, picture.background_member
    )
    if arm.paint_background is not None:
        rng = np.random.default_rng(picture.cue_seed)
        background = arm.paint_background(background, picture.cue, rng)
    image = compose(layer, background)
    return image if arm.paint_picture is None else arm.paint_picture(image, picture.cue)


def draw_all(pools: Pools, arm: Arm, pictures: Sequence[Picture]) -> np.ndarray:
    """Compose pictures: (N, 64, 64, 3), uint8 RGB."""
    return np.stack([draw(pools, arm, picture) for picture in pictures])


def _occlude(layer: ObjectLayer, seed: int) -> ObjectLayer:
    """Lay one opaque ellipse over a part of the object; the mask keeps what is still seen."""
    rng = np.random.default_rng(seed)
    rows, columns = np.nonzero(layer.mask)
    if not len(rows):
        return layer
    pick = rng.integers(len(rows))
    spread = max(np.ptp(rows), np.ptp(columns)) * rng.uniform(0.25, 0.45)
    axes = (int(spread), int(spread * rng.uniform(0.5, 1)))
    patch = np.zeros_like(layer.mask)
    center = (int(columns[pick]), int(rows[pick]))
    cv2.ellipse(patch, center, axes, rng.uniform(0, 180), 0, 360, 1, -1)
    hidden = patch == 1
    color = np.array(PALETTE[rng.integers(len(PALETTE))], np.float32)
    return replace(
        layer,
        color=np.where(hidden[..., None], color, layer.color),
        coverage=np.where(hidden, np.float32(1), layer.coverage),
        mask=np.where(hidden, np.uint8(0), layer.mask),
    )
