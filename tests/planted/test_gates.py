"""The gates, on audits made up so that each holds or fails."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.planted.gates import Gate, check
from tests.planted.measured import Measured
from tests.planted.mistakes import BASELINES
from tests.planted.page import write_page

MUG, MUSHROOM, SAILBOAT = 2, 3, 4


def audit(arm: str = "texture", *, masked: bool = True, **changes: object) -> Measured:
    """Forty tested mistakes, ranked perfectly, and nothing else wrong."""
    driven = np.arange(40) < 15
    mistakes = pd.DataFrame(
        {
            "image_id": range(40), "driven": driven, "tested": True,
            "reliance": np.where(driven, 0.75, 0.25), "score": 0.5,
            "cue_share": driven.astype(float), "again": driven.astype(float),
            "behind_share": 1 - driven.astype(float), "scene_share": 1 - driven.astype(float),
            "verdict": "undetermined",
            **dict.fromkeys(BASELINES, 0.5),
        }
    )  # fmt: skip
    intervals = pd.DataFrame(
        {"group": "all", "tested": 40, "estimate": 0.4, "low": 0.3, "high": 0.5,
         "true": 0.375, "covered": [True] * 10}
    )  # fmt: skip
    reached = {"images": 1224, "accuracy": 0.8, "driven": 0.375, "shortcut": 0.2, "leaning": 0.05,
               "correlation": 0.98, "on_target": True}  # fmt: skip
    made = Measured(
        arm=arm, seed=0, masked=masked, reached=reached, mistakes=mistakes, intervals=intervals,
        taken_up=[MUG, MUSHROOM], class_ranks={MUG: 3, MUSHROOM: 1, SAILBOAT: 6},
        second_pass_ranks={MUG: 1}, untagged_ranks={MUG: 4}, tag_ranks={MUG: 1},
        context_ranks={MUG: None}, worst_found=True, false_alarms=[], forwards=1.4, changed=0,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def gate(name: str, *audits: Measured) -> Gate:
    return {each.name: each for each in check(audits)}[name]


def test_everything_right_passes_every_gate() -> None:
    clean = audit("clean", taken_up=[], class_ranks={})
    gates = check([audit(), audit("tag"), audit("cast"), audit("blur"), clean])
    assert [each.name for each in gates if not each.passed] == []
    assert [each.name for each in gates] == [
        "AUROC, texture, masks", "AUROC, tag, masks", "AUROC, blur, masks", "AUROC, clean, masks",
        "planted classes on top, masks", "no class confirmed on the clean model, masks",
        "colour cast never `not_background`, masks", "95 % intervals cover, masks",
    ]  # fmt: skip


def test_auroc_is_of_tested_mistakes_pooled_over_seeds() -> None:
    good = audit()
    # All its mistakes are ranked the wrong way round; pooled with the good one half of the
    # pairs across audits are right and half are ties.
    bad = audit(seed=1, mistakes=good.mistakes.assign(reliance=1 - good.mistakes["reliance"]))
    ignored = audit(seed=2, mistakes=bad.mistakes.assign(tested=False))
    found = gate("AUROC, texture, masks", good, bad, ignored)
    assert not found.passed
    assert found.figures.startswith("0.500 (30 driven, 50 others)")
    assert gate("AUROC, texture, masks", good, ignored).passed


def test_auroc_that_cannot_be_told_is_a_miss() -> None:
    none = audit(mistakes=audit().mistakes.assign(driven=False))
    assert not gate("AUROC, texture, masks", none).passed


@pytest.mark.parametrize(("place", "passed"), [(3, True), (4, False), (None, False)])
def test_classes_that_took_their_cue_up_must_be_among_the_first_three(
    place: int | None, passed: bool
) -> None:
    one = audit(class_ranks={MUG: place, MUSHROOM: 1, SAILBOAT: None})
    found = gate("planted classes on top, masks", one)
    assert found.passed is passed
    assert found.figures == f"{1 + passed} of 2 among the first k"


def test_an_alarm_on_the_clean_model_is_named() -> None:
    one = audit("clean", taken_up=[], false_alarms=["predicted mug"])
    found = gate("no class confirmed on the clean model, masks", one)
    assert (found.passed, found.figures) == (False, "seed 0: predicted mug")


def test_one_cast_blamed_on_the_object_is_a_miss() -> None:
    one = audit("cast")
    verdicts = one.mistakes["verdict"].where(one.mistakes["image_id"] != 3, "not_background")
    found = gate(
        "colour cast never `not_background`, masks",
        replace(one, mistakes=one.mistakes.assign(verdict=verdicts)),
    )
    assert (found.passed, found.figures) == (False, "of 15: 14 undetermined, 1 not_background")
    # A mistake that the cast did not drive may well be the object's.
    spared = one.mistakes["verdict"].where(one.mistakes["image_id"] != 30, "not_background")
    free = replace(one, mistakes=one.mistakes.assign(verdict=spared))
    assert gate("colour cast never `not_background`, masks", free).passed


def test_coverage_counts_groups_with_enough_tested_mistakes() -> None:
    rows = audit().intervals.assign(covered=[True] * 8 + [False] * 2)
    assert not gate("95 % intervals cover, masks", audit(intervals=rows)).passed
    small = rows.assign(tested=[40] * 8 + [4] * 2)
    found = gate("95 % intervals cover, masks", audit(intervals=small))
    assert (found.passed, found.figures) == (True, "1.000 of 8, at least 0.9")


def test_audits_without_masks_have_gates_of_their_own() -> None:
    names = [each.name for each in check([audit(masked=False)])]
    assert names == ["AUROC, texture, no masks", "planted classes on top, no masks",
                     "95 % intervals cover, no masks"]  # fmt: skip


def test_the_page_tells_every_figure(tmp_path: Path) -> None:
    audits = [audit(masked=True), audit(masked=False), audit("cast"), audit("clean", taken_up=[])]
    gates = check(audits)
    text = write_page(tmp_path, audits, gates, 12.0).read_text()
    assert all(f"{each.name} | {each.figures}" in text for each in gates)
    assert (
        "| texture | masks | 1.000 | 1.00 to 1.00 | 1.00 to 1.00 | 15, 25 | 0.000 | 1.00 | " in text
    )
    assert (
        "| texture | 0 | masks | mug 3, mushroom 1, (sailboat 6) | mug 4 | mug 1 | mug 1 | mug - |"
        in text
    )
    assert "| masks | 15 | 0% | 0% | 0% | 100% |" in text
    assert (tmp_path / "auroc.svg").read_text().count("</svg>") == 1
