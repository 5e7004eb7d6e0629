"""Which pictures a model is trained on, and which the audit is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.scenes import OBJECT_NAMES
from tests.planted.arms import Arm
from tests.planted.pictures import Picture
from tests.planted.pools import Pools

# Audit images per cue and round, of (planted classes, controls); a round has 102 a class.
COUNTS = {"aligned": (30, 0), "neutral": (8, 12), "conflicting": (24, 22)}
EVENLY = 17  # where nothing is planted
ROUND = 102


@dataclass(frozen=True)
class Strength:
    """What the search turns.

    Attributes
    ----------
    correlation : probability that a planted class is trained with its own cue
    per_class : training images per class
    epochs : passes over them
    rate : largest learning rate; a high one forgets more of what the model began with
    """

    correlation: float
    per_class: int
    epochs: int
    rate: float


def plan_training(pools: Pools, arm: Arm, strength: Strength, seed: int) -> list[Picture]:
    """Draw the training set: planted classes with their own cue at the given probability, else
    with one of the others; controls with all cues alike."""
    rng = np.random.default_rng([seed, 1])
    pictures = []
    for class_idx in range(len(OBJECT_NAMES)):
        own = arm.planted_for(class_idx)
        others = [cue for cue in arm.cues if cue != own]
        members = rng.permutation(pools.objects("training"))
        for place in range(strength.per_class):
            cue = others[rng.integers(len(others))]
            if own is not None and rng.random() < strength.correlation:
                cue = own
            member = int(members[place % len(members)])
            pictures.append(_place(pools, arm, class_idx, "training", member, cue, rng))
    return pictures


def plan_audit(pools: Pools, arm: Arm, seed: int) -> list[Picture]:
    """Draw the audit set: fixed counts per class and cue, from pools that training never saw.

    As many rounds as the pool of objects allows: each is shown at most once.
    """
    rng = np.random.default_rng([seed, 2])
    rounds = pools.objects("audit") // ROUND
    pictures = []
    for class_idx in range(len(OBJECT_NAMES)):
        members = iter(rng.permutation(pools.objects("audit")).tolist())
        for cue in arm.cues:
            for _ in range(rounds * _count(arm, class_idx, cue)):
                pictures.append(_place(pools, arm, class_idx, "audit", next(members), cue, rng))
    return pictures


def relation(arm: Arm, class_idx: int, cue: str) -> str:
    """How a cue stands to a class: `aligned`, `neutral` or `conflicting`."""
    if cue in arm.neutral:
        return "neutral"
    return "aligned" if arm.planted_for(class_idx) == cue else "conflicting"


def _count(arm: Arm, class_idx: int, cue: str) -> int:
    if not arm.planted:
        return EVENLY
    return COUNTS[relation(arm, class_idx, cue)][arm.planted_for(class_idx) is None]


def _place(
    pools: Pools,
    arm: Arm,
    class_idx: int,
    purpose: str,
    member: int,
    cue: str,
    rng: np.random.Generator,
) -> Picture:
    kind = cue if arm.cue_is_background else str(rng.choice(arm.kinds))
    label = class_idx
    if rng.random() < arm.label_noise:
        label = int((class_idx + rng.integers(1, len(OBJECT_NAMES))) % len(OBJECT_NAMES))
    return Picture(
        class_idx=class_idx,
        label=label,
        object_pool=purpose,
        object_member=member,
        background=kind,
        background_pool=purpose,
        background_member=int(rng.integers(pools.backgrounds(purpose))),
        cue=cue,
        cue_seed=int(rng.integers(2**31)),
        patch_seed=int(rng.integers(2**31)) if rng.random() < arm.patches else -1,
    )
