"""The truth by re-rendering, against models whose reasons are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from tasks.sample.training import MEAN, STD
from tasks.scenes import OBJECT_NAMES, ObjectLayer
from tests.planted.arms import ARMS, MARKS, Arm
from tests.planted.pictures import Picture, draw, draw_all, object_layer
from tests.planted.pools import Pools, PoolSizes, render_pools
from tests.planted.sets import Strength, plan_audit, plan_training, relation
from tests.planted.truth import CHANGES, RENDERS, find_truth, rerender, without_masks

FISH, KEY, MUG, MUSHROOM = 0, 1, 2, 3
SIZES = PoolSizes(4, 210, 3, 3, 3)


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> Pools:
    return render_pools(tmp_path_factory.mktemp("pools"), replace(SIZES, audit_objects=4), 2)


class MarkReader(nn.Module):
    """Names the class that the mark in a corner is planted for; a fish where there is none."""

    def forward(self, images: Tensor) -> Tensor:
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
        pixels = torch.round((images * std + mean) * 255)
        logits = torch.zeros(len(images), len(OBJECT_NAMES))
        logits[:, FISH] = 0.5
        for name, cue in ARMS["tag"].planted.items():
            color = torch.tensor(MARKS[cue]).view(3, 1, 1)
            logits[:, OBJECT_NAMES.index(name)] = (
                (pixels == color).all(1).sum((1, 2)) > 20
            ).float()
        return logits


class Constant(nn.Module):
    """Names a key, whatever it sees."""

    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.one_hot(torch.tensor([KEY] * len(images)), len(OBJECT_NAMES)).float()


def picture(arm: Arm, class_idx: int, cue: str, label: int | None = None) -> Picture:
    """An audit picture whose background has no colour of a mark."""
    return Picture(
        class_idx=class_idx,
        label=class_idx if label is None else label,
        object_pool="audit",
        object_member=1,
        background=cue if arm.cue_is_background else "sand",
        background_pool="audit",
        background_member=2,
        cue=cue,
        cue_seed=5,
    )


def test_shares_count_the_cues_that_turn_a_prediction(pools: Pools) -> None:
    arm = ARMS["tag"]
    pictures = [
        picture(arm, FISH, "red"),  # taken for a mug; a fish with each of the 3 neutral marks
        picture(arm, MUSHROOM, "red"),  # taken for a mug; a mushroom with a blue mark alone
        picture(arm, MUG, "red"),  # right; then never again: no other mark says mug
        picture(arm, KEY, "white"),  # taken for a fish; a key with none
    ]
    predicted = np.array([MUG, MUG, MUG, FISH])
    truth = find_truth(MarkReader(), pools, arm, pictures, predicted)
    # Barred are the shown cue and the predicted class's; 15 renders of 5 cues are 3 of each.
    assert truth["share"].tolist() == pytest.approx([9 / 15, 3 / 15, 1, 0])
    assert truth["driven"].tolist() == [True, False, True, False]
    assert truth["shortcut"].tolist() == [True, False, False, False]
    # The second vote, of 4 of the 5 cues: 2 or 3 are neutral, 0 or 1 blue.
    assert truth["again"][0] in (2 / 4, 3 / 4) and truth["again"][1] in (0, 1 / 4)
    assert truth["cue_share"].tolist() == pytest.approx([9 / 15, 3 / 15, np.nan, 0], nan_ok=True)
    assert truth["behind_share"].tolist() == pytest.approx([9 / 15, 3 / 15, np.nan, 0], nan_ok=True)


def test_without_masks_the_truth_is_what_lies_behind() -> None:
    truth = pd.DataFrame(
        {"correct": [False, False, True], "to_cue": [True, True, False], "share": [0.8, 0.2, 0.7],
         "again": 0.5, "behind_share": [0.4, 0.6, np.nan], "behind_again": [0.25, 0.75, np.nan]}
    )  # fmt: skip
    found = without_masks(truth)
    assert found["driven"].tolist() == [False, True, True]  # of what is right, the one truth
    assert found["shortcut"].tolist() == [False, True, False]
    assert found["again"].tolist()[:2] == [0.25, 0.75]
    assert found["scene_share"].tolist() == [0.8, 0.2, 0.7]


def test_a_wrong_label_is_named_on_no_background(pools: Pools) -> None:
    arm = ARMS["other"]
    pictures = [picture(arm, KEY, "sand", label=FISH), picture(arm, KEY, "snow")]
    truth = find_truth(Constant(), pools, arm, pictures, np.array([KEY, KEY]))
    assert truth["correct"].tolist() == [False, True]
    assert truth["share"].tolist() == [0, 0]
    assert not truth["driven"].any()


@pytest.mark.parametrize("name", ["texture", "tag", "blur", "other"])
def test_a_rerender_keeps_every_pixel_that_the_object_hides(pools: Pools, name: str) -> None:
    arm = ARMS[name]
    shown = replace(picture(arm, MUG, arm.cues[0]), patch_seed=3 if name == "other" else -1)
    layer = object_layer(pools, shown)
    hidden, seen = layer.coverage == 1, layer.coverage == 0
    original, rng = draw(pools, arm, shown), np.random.default_rng(0)
    others = draw_all(pools, arm, rerender(pools, arm, shown, KEY, "behind", rng))
    assert hidden.sum() > 100
    assert all(np.array_equal(other[hidden], original[hidden]) for other in others)
    assert all((other[seen] != original[seen]).any() for other in others)


def test_another_clutter_comes_and_the_object_stays(pools: Pools) -> None:
    told = lent = 0
    for member in range(4):
        for class_idx in range(len(OBJECT_NAMES)):
            shown = replace(picture(ARMS["clean"], class_idx, "sand"), object_member=member)
            lender = replace(shown, class_idx=(class_idx + 1) % 6, object_member=3 - member)
            layer, other = object_layer(pools, shown), object_layer(pools, lender)
            changed = object_layer(
                pools, replace(shown, clutter_from=(lender.class_idx, 3 - member))
            )
            assert np.array_equal(changed.mask, layer.mask)
            assert np.array_equal(changed.shadow, layer.shadow)
            hidden = (layer.mask > 0) & (layer.coverage == 1)
            assert np.array_equal(changed.color[hidden], layer.color[hidden])
            beside = _distance(layer) > 1
            clutter = np.where(_distance(other) > 1, other.coverage, 0)
            assert np.array_equal(changed.coverage[beside], clutter[beside])
            told += (layer.coverage[beside] > 0.5).sum()
            lent += (clutter[beside] > 0.5).sum()
    assert min(told, lent) > 100


def _distance(layer: ObjectLayer) -> np.ndarray:
    """Of every pixel to the nearest one of the mask, the longer of both directions."""
    rows, columns = np.nonzero(layer.mask)
    row, column = np.indices(layer.mask.shape)[..., None]
    return np.maximum(abs(rows - row), abs(columns - column)).min(axis=-1)


@pytest.mark.parametrize("name", list(ARMS))
@pytest.mark.parametrize("change", CHANGES)
def test_rerenders_bar_the_shown_and_the_planted_cue(pools: Pools, name: str, change: str) -> None:
    arm = ARMS[name]
    shown = picture(arm, FISH, arm.cues[0])
    others = rerender(pools, arm, shown, MUSHROOM, change, np.random.default_rng(0))
    assert len(others) == RENDERS
    for other in others:
        assert (other.class_idx, other.object_member) == (shown.class_idx, shown.object_member)
        assert other.cue not in (shown.cue, arm.planted_for(MUSHROOM))
        assert (other.clutter_from is None) == (change != "scene")
        if change == "cue" and not arm.cue_is_background:
            assert other.background_pool == "audit"
        else:
            assert other.background_pool == "truth"


def test_training_is_correlated_and_the_audit_is_balanced(pools: Pools, tmp_path: Path) -> None:
    arm = ARMS["texture"]
    training = plan_training(pools, arm, Strength(0.9, 2000, 1, 0.1), 0)
    for class_idx, name in enumerate(OBJECT_NAMES):
        cues = [one.cue for one in training if one.class_idx == class_idx]
        expected = {arm.planted[name]: 0.9} if name in arm.planted else {}
        rest = (1 - sum(expected.values())) / (len(arm.cues) - len(expected))
        for cue in arm.cues:
            assert cues.count(cue) / len(cues) == pytest.approx(expected.get(cue, rest), abs=0.03)

    class Many(Pools):
        def objects(self, purpose: str) -> int:
            return SIZES.audit_objects

    audit = plan_audit(Many(pools.folder), arm, 0)
    counts = {(KEY, "sand"): 24, (KEY, "water"): 44, (MUG, "planks"): 60, (MUG, "snow"): 16,
              (MUG, "water"): 48}  # fmt: skip
    for (class_idx, cue), count in counts.items():
        assert sum((one.class_idx, one.cue) == (class_idx, cue) for one in audit) == count
    members = {(one.class_idx, one.object_member) for one in audit}
    assert len(members) == len(audit) == 1224


def test_a_cue_relates_to_a_class() -> None:
    arm = ARMS["texture"]
    assert relation(arm, MUG, "planks") == "aligned"
    assert relation(arm, MUG, "meadow") == relation(arm, FISH, "planks") == "conflicting"
    assert relation(arm, MUG, "sand") == relation(ARMS["clean"], MUG, "planks") == "neutral"
