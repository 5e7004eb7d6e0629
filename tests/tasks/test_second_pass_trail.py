"""The trail of evidence says what was counted."""

import numpy as np
import pandas as pd
import pytest

from tasks.second_pass.measures import measure
from tasks.second_pass.trail import trails

MISTAKE = {
    "image_id": 5, "label": 1, "predicted": 2, "against_idx": 1, "correct": False, "margin": 0.5,
    "label_probability": 0.2, "object_source": "box", "object_area": 0.2, "score": 0.846,
    "lift": 1.33, "stratum": "random",
}  # fmt: skip


def evidence(answers: dict[str, list[int]]) -> pd.DataFrame:
    """answers : the class given to each draw, by intervention"""
    rows = [
        {"image_id": 5, "intervention": kind, "draw": draw, "donor_id": -1, "predicted": said,
         "logit_predicted": 1.5 + draw, "logit_against": 1.0, "probability_predicted": 0.4,
         "probability_against": 0.3}
        for kind, given in answers.items() for draw, said in enumerate(given)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def trail_of(answers: dict[str, list[int]], **changes: object) -> list[str]:
    candidates = pd.DataFrame([MISTAKE | changes])
    measured = measure(candidates.drop(columns="stratum"), evidence(answers))
    (trail,) = trails(candidates.merge(measured, on="image_id"))
    return trail


NEUTRAL = {"background_blurred": [2], "background_mean": [1], "empty": [0], "colours_matched": [2]}
REMOVED = {"object_inpainted": [2], "object_mean": [7]}


def test_answers_are_counted_not_rounded() -> None:
    lent = {"donor_predicted": [2, 1], "donor_against": [1, 2], "donor_other": [1, 1, 3, 2]}
    said = trail_of({**NEUTRAL, **REMOVED, **lent})
    assert said[0].startswith("85 % of what speaks for the prediction lies outside the box")
    assert said[1].startswith("On 4 of 8 backgrounds of other images the answer is right")
    # Of blurred, averaged, two of the label and four others: blurred, one and one stay.
    assert "3 of 8 backgrounds leave the prediction" in said[2]
    assert "stays in 1 of 2" in said[3]
    assert not any("no gap" in sentence for sentence in said)


def test_a_missing_kind_of_donor_is_said() -> None:
    said = trail_of({**NEUTRAL, **REMOVED, "donor_against": [1, 1], "donor_other": [1, 1, 1, 2]})
    assert said[1].startswith("On 5 of 6 backgrounds")
    assert said[-1] == "One of the two classes has no background to lend, so there is no gap."


def test_a_correct_prediction_counts_wrong_answers() -> None:
    lent = {"donor_predicted": [2, 2], "donor_against": [1, 2], "donor_other": [2, 2, 3, 2]}
    said = trail_of({**NEUTRAL, **REMOVED, **lent}, correct=True, label=2, label_probability=0.6)
    assert said[1].startswith("On 2 of 8 backgrounds of other images the answer is wrong")


@pytest.mark.parametrize(("other", "expected"), [(7, True), (2, False)])
def test_a_prediction_that_goes_with_the_background_without_turning_right(
    other: int, expected: bool
) -> None:
    neutral = {**NEUTRAL, "background_blurred": [7]}
    lent = {"donor_predicted": [2, 2], "donor_against": [7, 7], "donor_other": [7, 7, 7, other]}
    said = trail_of({**neutral, **REMOVED, **lent})
    assert any("goes with the background" in sentence for sentence in said) == expected


def test_logits_have_a_true_minus_and_one_digit() -> None:
    row = MISTAKE | {
        "right_replaced": 0.5, "donors": 4, "held": 0.5, "others": 4, "background_alone": 0.0,
        "shapley_object": -3.96, "shapley_background": -0.04, "gap": np.nan,
        "colours_turned": False,
    }  # fmt: skip
    (said,) = trails(pd.DataFrame([row]))
    assert "\u22124.0 logits go to the object and 0.0 to the background" in said[4]
