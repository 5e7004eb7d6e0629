"""The truth about every prediction, found by rendering the very same object again.

Object, pose, colours, shadow, occlusion and encoding stay. What is drawn anew is what the audit
takes for background: where it is given masks, the whole scene outside of them, clutter included;
where it is given none, and nobody says which of the things in front is the object, only what lies
behind them all. Either with cues that are planted neither for the predicted class nor shown now.
A mistake is driven by the background when the model then names the label on most re-renders; a
correct prediction leans on it when it is then mostly no longer right. A wrong label (label noise)
is named on no background, so such a mistake is not driven. Nothing here asks for a planted class:
a model without any shortcut has driven mistakes, too, whose object loses against this very
picture of a background and not against most others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from torch import nn

from tasks.sample.training import predict_logits
from tasks.scenes import OBJECT_NAMES
from tests.planted.arms import Arm
from tests.planted.pictures import Picture, draw
from tests.planted.pools import Pools

RENDERS = 15
AGAIN = 4  # renders of a second vote, independent of the first: what a perfect test could reach
AT_ONCE = 16  # pictures whose re-renders share a forward
# What a re-render changes: all but the object and what hides it; what lies behind; the cue alone.
CHANGES = ("scene", "behind", "cue")


def rerender(
    pools: Pools,
    arm: Arm,
    picture: Picture,
    predicted: int,
    change: str,
    rng: np.random.Generator,
    renders: int = RENDERS,
) -> list[Picture]:
    """The pictures of the same object that decide about one prediction."""
    barred = {picture.cue, arm.planted_for(predicted)}
    allowed = [cue for cue in arm.cues if cue not in barred]
    # Every allowed cue equally often, up to one.
    cues = [str(cue) for cue in np.resize(rng.permutation(allowed), renders)]
    pictures = []
    for cue in cues:
        other = replace(picture, cue=cue, cue_seed=int(rng.integers(2**31)))
        if change == "scene":
            lender = int(rng.integers(len(OBJECT_NAMES))), int(rng.integers(pools.objects("audit")))
            other = replace(other, clutter_from=lender)
        if change != "cue" or arm.cue_is_background:
            kind = cue if arm.cue_is_background else str(rng.choice(arm.kinds))
            member = int(rng.integers(pools.backgrounds("truth")))
            other = replace(
                other, background=kind, background_pool="truth", background_member=member
            )
        pictures.append(other)
    return pictures


def share_turned(
    model: nn.Module,
    pools: Pools,
    arm: Arm,
    pictures: Sequence[Picture],
    predicted: np.ndarray,
    change: str = "scene",
    renders: int = RENDERS,
) -> np.ndarray:
    """Share of the re-renders that turn each prediction: (N,), float64, in [0, 1].

    A mistake is turned where the label is named, a correct prediction where it is not.
    """
    numbered = list(enumerate(zip(pictures, predicted, strict=True)))
    shares = []
    for start in range(0, len(numbered), AT_ONCE):
        part, images = numbered[start : start + AT_ONCE], []
        for number, (picture, guess) in part:
            # Another number of renders draws others: a vote independent of the first.
            rng = np.random.default_rng([number, renders])
            others = rerender(pools, arm, picture, int(guess), change, rng, renders)
            images += [draw(pools, arm, other) for other in others]
        named = predict_logits(model, np.stack(images)).argmax(axis=1).reshape(-1, renders)
        for votes, (_, (picture, guess)) in zip(named, part, strict=True):
            right = votes == picture.label
            shares.append(np.mean(right if guess != picture.label else ~right))
    return np.array(shares)


def find_truth(
    model: nn.Module, pools: Pools, arm: Arm, pictures: Sequence[Picture], predicted: np.ndarray
) -> pd.DataFrame:
    """One row per picture, in their order.

    `share` is the share of re-renders in other scenes that turn the prediction, and `driven`
    whether these are most: a mistake that the background drove, or a correct prediction that leans
    on it. `to_cue`: a mistake towards the class that the cue is planted for; `shortcut`: a driven
    one. Of mistakes alone: `behind_share` changes what lies behind, clutter kept, `cue_share` the
    cue alone; `again` and `behind_again` are the shares in a second vote of AGAIN renders.
    """
    labels = np.array([picture.label for picture in pictures])
    wrong = np.flatnonzero(predicted != labels)

    def of_mistakes(change: str, renders: int = RENDERS) -> np.ndarray:
        told = [pictures[int(i)] for i in wrong]
        shares = np.full(len(pictures), np.nan)
        shares[wrong] = share_turned(model, pools, arm, told, predicted[wrong], change, renders)
        return shares

    behind = of_mistakes("behind")
    cue_class = np.array([arm.class_of(picture.cue) for picture in pictures], float)
    truth = pd.DataFrame(
        {
            "image_id": np.arange(len(pictures)),
            "class_idx": [picture.class_idx for picture in pictures],
            "label": labels,
            "predicted": predicted,
            "correct": predicted == labels,
            "cue": [picture.cue for picture in pictures],
            "background": [picture.background for picture in pictures],
            "occluded": [picture.patch_seed >= 0 for picture in pictures],
            "share": share_turned(model, pools, arm, pictures, predicted),
            "again": of_mistakes("scene", AGAIN),
            "behind_share": behind,
            "behind_again": of_mistakes("behind", AGAIN),
            "cue_share": behind if arm.cue_is_background else of_mistakes("cue"),
        }
    )
    truth["to_cue"] = ~truth["correct"] & (cue_class == predicted)
    return judged(truth)


def without_masks(truth: pd.DataFrame) -> pd.DataFrame:
    """What is true where nobody says which of the things in front is the object: of mistakes,
    driven are those that turn right when only what lies behind all of them changes."""
    wrong = ~truth["correct"]
    share = truth["behind_share"].where(wrong, truth["share"])
    return judged(
        truth.assign(share=share, again=truth["behind_again"], scene_share=truth["share"])
    )


def judged(truth: pd.DataFrame) -> pd.DataFrame:
    """The truth with `driven` and `shortcut` from its shares."""
    driven = truth["share"] > 0.5
    return truth.assign(driven=driven, shortcut=driven & truth["to_cue"])
