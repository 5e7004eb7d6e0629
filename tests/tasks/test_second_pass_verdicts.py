"""The rule of the verdicts, case by case, and the words beside it."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.second_pass.trail import trails
from tasks.second_pass.verdicts import decide
from tasks.tables.background_schemas import VERDICTS

NAN = float("nan")


def image(correct: bool, **changes: Any) -> dict[str, Any]:
    """A tested image whose object decides, and nothing else."""
    row = {
        "correct": correct, "object_source": "mask", "score": 0.3, "lift": 0.5,
        "stratum": "random", "right_replaced": float(correct), "held": 1.0,
        "background_alone": 0.0, "colours_turned": False, "gap": 0.0, "turned": 0.0,
        "shapley_object": 2.0, "shapley_background": 0.5, "reliance": 0.1,
        "donors": 8, "others": 8,
    }  # fmt: skip
    return row | changes


UNTESTED = {
    "stratum": None, "right_replaced": NAN, "held": NAN, "background_alone": NAN,
    "colours_turned": None, "gap": NAN, "turned": NAN, "shapley_object": NAN,
    "shapley_background": NAN, "reliance": NAN,
}  # fmt: skip
FOLLOWING = {"turned": 1.0, "background_alone": 1.0, "gap": 0.5, "right_replaced": 0.25}
NO_OBJECT = {"object_source": None, "score": NAN, "lift": NAN}

CASES: list[tuple[bool, dict[str, Any], str]] = [
    # A mistake is confirmed from exactly half of the backgrounds on which it turns right ...
    (False, {"right_replaced": 1.0}, "confirmed"),
    (False, {"right_replaced": 0.5}, "confirmed"),
    (False, {"right_replaced": np.nextafter(0.5, 0)}, "undetermined"),
    (False, {"right_replaced": 3 / 8}, "undetermined"),
    # ... a correct prediction only where it turns wrong on more than half.
    (True, {"right_replaced": 0.0}, "confirmed"),
    (True, {"right_replaced": np.nextafter(0.5, 0)}, "confirmed"),
    (True, {"right_replaced": 0.5}, "undetermined"),
    (True, {"right_replaced": 7 / 8}, "undetermined"),
    # ... or where a mistake follows the background alone, all three signs of it at once.
    (False, FOLLOWING, "confirmed"),
    (True, FOLLOWING | {"right_replaced": 0.75}, "undetermined"),
    (False, FOLLOWING | {"gap": float(np.nextafter(0.5, 0))}, "undetermined"),
    (False, FOLLOWING | {"turned": 0.5}, "undetermined"),
    (False, FOLLOWING | {"background_alone": 0.5}, "undetermined"),
    (False, FOLLOWING | {"colours_turned": True}, "undetermined"),
    # What the fills say does not take a confirmation back.
    (False, {"right_replaced": 0.5, "held": 1.0, "background_alone": 0.0}, "confirmed"),
    (False, {"right_replaced": 1.0, "held": 0.0, "background_alone": 1.0}, "confirmed"),
    # The object: no donor turns it, it is held, and without the object it does not stay.
    (False, {}, "not_background"),
    (True, {}, "not_background"),
    (False, {"object_source": "box"}, "not_background"),
    (False, {"object_source": "proxy"}, "undetermined"),  # a guessed object may hold background
    (False, {"object_source": "proxy", "right_replaced": 1.0}, "confirmed"),
    (False, {"held": 0.5}, "not_background"),
    (True, {"held": 0.5}, "not_background"),
    (False, {"held": np.nextafter(0.5, 0)}, "undetermined"),
    (True, {"held": 0.0}, "undetermined"),
    (False, {"background_alone": 0.5}, "undetermined"),
    (True, {"background_alone": 1.0}, "undetermined"),
    (False, {"right_replaced": 1 / 8}, "undetermined"),
    (True, {"right_replaced": 7 / 8, "background_alone": 0.5}, "undetermined"),
    # Where evening out the colours alone changes the answer, neither is said.
    (False, {"colours_turned": True}, "undetermined"),
    (True, {"colours_turned": True}, "undetermined"),
    (False, {"colours_turned": True, "right_replaced": 1.0}, "undetermined"),
    (True, {"colours_turned": True, "right_replaced": 0.0}, "undetermined"),
    # Without donors nothing is known, whatever the first pass suspects.
    (False, {"right_replaced": NAN}, "undetermined"),
    (True, {"right_replaced": NAN, "lift": 2.0}, "undetermined"),
    (False, {"right_replaced": NAN, "held": 1.0, "background_alone": 0.0}, "undetermined"),
    # Not tested: a suspicion from the uniform map on, and never more.
    (False, UNTESTED | {"lift": 1.0}, "suspected"),
    (True, UNTESTED | {"lift": 3.0}, "suspected"),
    (False, UNTESTED | {"lift": float(np.nextafter(1, 0))}, "undetermined"),
    (True, UNTESTED | {"lift": 0.0}, "undetermined"),
    (False, UNTESTED | {"lift": NAN}, "undetermined"),
    (True, UNTESTED | NO_OBJECT, "undetermined"),
    # A tested image is judged by the test, wherever its evidence lies.
    (False, {"lift": 3.0}, "not_background"),
    (False, {"lift": NAN}, "not_background"),
    (False, {"lift": 0.0, "right_replaced": 0.5}, "confirmed"),
]


@pytest.mark.parametrize(("correct", "changes", "expected"), CASES)
def test_the_rule(correct: bool, changes: dict[str, Any], expected: str) -> None:
    assert decide(pd.DataFrame([image(correct, **changes)])).tolist() == [expected]


def test_the_rule_for_all_at_once_in_any_order() -> None:
    rows = [image(correct, **changes) for correct, changes, _ in CASES]
    expected = [verdict for *_, verdict in CASES]
    assert decide(pd.DataFrame(rows)).tolist() == expected
    assert decide(pd.DataFrame(rows[::-1])).tolist() == expected[::-1]
    assert set(expected) == set(VERDICTS)


def test_no_image_is_no_verdict() -> None:
    assert len(decide(pd.DataFrame([image(True)]).iloc[:0])) == 0


@pytest.mark.parametrize("correct", [False, True])
def test_the_trail_says_what_was_seen_and_no_more(correct: bool) -> None:
    tested = image(correct, right_replaced=0.25, held=0.5, background_alone=0.5, lift=1.5)
    told = " ".join(trails(pd.DataFrame([tested]))[0])
    assert told.startswith(
        "30 % of what speaks for the prediction lies outside the mask (1.50 times"
    )
    share, answer = ("6 of 8", "wrong") if correct else ("2 of 8", "right")
    assert f"On {share} backgrounds of other images the answer is {answer}." in told
    assert "4 of 8 backgrounds leave the prediction" in told and "cast" not in told
    assert "+2.0 logits go to the object and +0.5 to the background" in told
    cast = " ".join(trails(pd.DataFrame([tested | {"colours_turned": True}]))[0])
    assert f"turns {answer} when only the colours" in cast


@pytest.mark.parametrize("correct", [False, True])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (UNTESTED, "Not tested in the second pass."),
        (UNTESTED | NO_OBJECT, "The object is not known"),
        (UNTESTED | {"score": NAN, "lift": NAN}, "An unknown share of what speaks"),
        ({"right_replaced": NAN, "gap": NAN, "turned": NAN, "reliance": NAN}, "to lend"),
        ({"gap": NAN}, "backgrounds of other images"),
        ({"lift": NAN}, "outside the mask."),
    ],
)
def test_the_trail_never_says_nan(correct: bool, changes: dict[str, Any], said: str) -> None:
    rows = pd.DataFrame([image(correct, **changes), image(correct)])
    told = " ".join(trails(rows)[0])
    assert said in told
    assert "nan" not in told and "None" not in told
