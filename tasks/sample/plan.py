"""Which object stands on which background: the planted shortcut, written down.

Three classes are planted: in training they stand mostly on their own background. Three are
controls, on every background alike. The audit images use other seeds and other proportions,
so that every way of being right and wrong occurs.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from tasks.scenes import BACKGROUND_NAMES, OBJECT_NAMES, Scene, render_scene

SIZE = 96
PLANTED = {"mug": "planks", "mushroom": "meadow", "sailboat": "water"}
NEUTRAL_BACKGROUNDS = tuple(sorted(set(BACKGROUND_NAMES) - set(PLANTED.values())))
CORRELATION = 0.97
TRAINING_IMAGES_PER_CLASS = 1000
# Audit images per background: (planted, neutral, conflicting). Both sum to 96 a class.
PLANTED_COUNTS = {"aligned": 36, "neutral": 10, "conflicting": 15}
CONTROL_COUNTS = {"neutral": 16, "conflicting": 16}
# Seeds of the audit and of the truth lie far from those of training.
AUDIT_SEED, TRUTH_SEED = 1_000_000, 2_000_000


@dataclass(frozen=True)
class Placement:
    """One object on one background: all that a scene is made from, but its size."""

    object_name: str
    background_name: str
    object_seed: int
    background_seed: int

    @property
    def label(self) -> int:
        """Class index of the object."""
        return OBJECT_NAMES.index(self.object_name)

    @property
    def relation(self) -> str:
        """`aligned`, `neutral` or `conflicting`: the background is planted for this class, for
        no class, or for another class."""
        return relation(self.object_name, self.background_name)


def relation(object_name: str, background_name: str) -> str:
    """How a background stands to a class: `aligned`, `neutral` or `conflicting`."""
    if background_name in NEUTRAL_BACKGROUNDS:
        return "neutral"
    return "aligned" if PLANTED.get(object_name) == background_name else "conflicting"


def plan_training(
    seed: int = 0, correlation: float = CORRELATION, per_class: int = TRAINING_IMAGES_PER_CLASS
) -> list[Placement]:
    """Draw the training set: planted classes on their background with the given probability,
    otherwise on one of the other five; controls uniformly on all six."""
    rng = np.random.default_rng(seed)
    placements: list[Placement] = []
    for object_name in OBJECT_NAMES:
        home = PLANTED.get(object_name)
        others = [name for name in BACKGROUND_NAMES if name != home]
        for _ in range(per_class):
            background = others[rng.integers(len(others))]
            if home is not None and rng.random() < correlation:
                background = home
            scene_seed = len(placements)
            placements.append(Placement(object_name, background, scene_seed, scene_seed))
    return placements


def plan_audit() -> list[Placement]:
    """List the audit set: fixed counts per class and background, seeds unseen in training."""
    placements: list[Placement] = []
    for object_name in OBJECT_NAMES:
        counts = PLANTED_COUNTS if object_name in PLANTED else CONTROL_COUNTS
        for background in BACKGROUND_NAMES:
            for _ in range(counts[relation(object_name, background)]):
                scene_seed = AUDIT_SEED + len(placements)
                placements.append(Placement(object_name, background, scene_seed, scene_seed))
    return placements


def render(placement: Placement) -> Scene:
    """Render a placement at the sample's size."""
    return render_scene(
        placement.object_name,
        placement.background_name,
        placement.object_seed,
        placement.background_seed,
        SIZE,
    )


def render_all(placements: list[Placement], processes: int = 2) -> Iterator[Scene]:
    """Render placements in order, on several processes."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(render, placements, chunksize=64)
