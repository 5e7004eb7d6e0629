"""Gates and page against figures by hand."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tasks.scenes import OBJECT_NAMES
from tests.mending.dataset import Sizes
from tests.mending.gates import GATED, Outcome, check, gain
from tests.mending.measured import Measured, lured
from tests.mending.page import mean_rows, mended_rows, seed_rows, table, write_page


def measured(worst: float, name: str = "mug|water") -> Measured:
    return Measured(
        accuracy=0.75, worst=worst, worst_name=name, driven=0.4, mistakes=0.25, lured=0.3
    )


def outcome(seed: int, before: float, last_layer: float, backgrounds: float) -> Outcome:
    after = {"last layer": measured(last_layer), "backgrounds": measured(backgrounds, "key|sand")}
    mended = {"last layer": ("mug", "sailboat"), "backgrounds": ("mug (in part)", "fish")}
    return Outcome(seed, 480, measured(before), after, mended)


FIRST, SECOND = outcome(0, 0.1, 0.5, 0.2), outcome(1, 0.3, 0.4, 0.5)


def test_the_gate_is_the_mean_gain_over_seeds() -> None:
    assert gain(FIRST, "last layer") == pytest.approx(0.4)
    by_name = {gate.name: gate for gate in check([FIRST, SECOND])}
    assert by_name["worst group, last layer"].passed
    assert by_name["worst group, last layer"].figures == (
        "+25.0 points on the mean of 2 seeds (+40, +10), at least +15"
    )
    assert by_name["worst group, backgrounds"].passed is (0.5 * (0.1 + 0.2) >= 0.15)
    assert not check([outcome(0, 0.1, 0.24, 0.9)])[0].passed


def test_planted_classes_that_are_called_mended_are_counted() -> None:
    by_name = {gate.name: gate for gate in check([FIRST, SECOND])}
    told = "of 6 planted classes over all seeds, {} of them wholly; at least 80 %"
    assert by_name["called mended, last layer"].figures == "4 " + told.format(4)
    assert by_name["called mended, backgrounds"].figures == "2 " + told.format(0)
    assert not by_name["called mended, last layer"].passed
    all_three = replace(
        FIRST, mended=dict.fromkeys(GATED, ("mug", "mushroom", "sailboat (in part)"))
    )
    assert all(gate.passed for gate in check([all_three])[2:])


def test_means_are_over_seeds() -> None:
    head, before, last_layer, backgrounds = mean_rows([FIRST, SECOND])
    assert head[1:3] == ["worst group", "gain"]
    assert before[1:] == ["20.0 %", "", "75.0 %", "30.0 %", "40.0 %", "10.0 %"]
    assert last_layer[:3] == ["last layer", "45.0 %", "+25.0"]
    assert backgrounds[:3] == ["backgrounds", "35.0 %", "+15.0"]


def test_lured_are_those_taken_for_the_class_of_their_background() -> None:
    planks, water, sand = ([("background", name)] for name in ("planks", "water", "sand"))
    mug, sailboat, fish = (OBJECT_NAMES.index(name) for name in ("mug", "sailboat", "fish"))
    rows = [
        (mug, mug, planks), (mug, sailboat, water), (fish, mug, planks), (fish, fish, planks),
        (fish, sailboat, planks), (fish, mug, sand),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["label", "predicted", "tags"])
    assert lured(frame) == 2 / 4


def test_every_seed_stands_on_the_page(tmp_path: Path) -> None:
    outcomes = [FIRST, SECOND]
    page = write_page(tmp_path / "docs" / "m.md", outcomes, check(outcomes), Sizes())
    text = page.read_text()
    assert "{" not in text
    assert "| 0 | 10.0 % mug on water | 50.0 % mug on water | 20.0 % key on sand |" in text
    assert "| 1 | mug, sailboat | mug (in part), fish |" in text
    assert "4,200 training images" in text
    assert seed_rows(outcomes)[0] == ["seed", "before", "last layer", "backgrounds"]
    assert mended_rows(outcomes)[1] == ["0", "mug, sailboat", "mug (in part), fish"]
    assert table([["a|b"], ["c"]]) == "| a on b |\n| --- |\n| c |"
