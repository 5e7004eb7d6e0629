"""The numbers of a tested image against a restatement in plain loops."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.second_pass.measures import measure

CLASSES = 4
ONE_EACH = (
    "background_blurred", "background_mean", "object_inpainted", "object_mean", "colours_matched",
    "empty",
)  # fmt: skip
Row = dict[str, Any]


def candidate(image_id: int, label: int, predicted: int, against: int, logits: Any) -> Row:
    probability = np.exp(logits) / np.exp(logits).sum()
    return {
        "image_id": image_id, "label": label, "predicted": predicted, "against_idx": against,
        "correct": label == predicted, "margin": logits[predicted] - logits[against],
        "label_probability": probability[label], "object_source": "mask", "object_area": 0.3,
        "score": 0.4, "lift": 0.6,
    }  # fmt: skip


def changed(image: Row, intervention: str, draw: int, logits: Any) -> Row:
    probability = np.exp(logits) / np.exp(logits).sum()
    predicted, against = image["predicted"], image["against_idx"]
    return {
        "image_id": image["image_id"], "intervention": intervention, "draw": draw,
        "donor_id": 50 + draw if intervention.startswith("donor") else -1,
        "predicted": int(np.argmax(logits)),
        "logit_predicted": logits[predicted], "logit_against": logits[against],
        "probability_predicted": probability[predicted],
        "probability_against": probability[against],
    }  # fmt: skip


def small_pass(donors: tuple[int, int, int], seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two mistakes and two correct predictions, every logit at random; rows in no order.

    donors : of the predicted class, of the other, of all others
    """
    generator = np.random.default_rng(seed)
    images, rows = [], []
    for image_id, (label, predicted) in enumerate([(0, 1), (2, 2), (3, 0), (1, 1)]):
        logits = generator.normal(0, 2, CLASSES)
        logits[predicted] = logits.max() + 0.5
        runner_up = int(np.argsort(logits)[-2])
        against = runner_up if label == predicted else label
        image = candidate(image_id, label, predicted, against, logits)
        images.append(image)
        draws = [(name, 0) for name in ONE_EACH]
        kinds = ("donor_predicted", "donor_against", "donor_other")
        draws += [(k, d) for k, n in zip(kinds, donors, strict=True) for d in range(n)]
        rows += [changed(image, *key, generator.normal(0, 2, CLASSES)) for key in draws]
    return pd.DataFrame(images), pd.DataFrame(rows).sample(frac=1, random_state=seed)


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def shapley(value: dict[frozenset[str], float], player: str) -> float:
    """The mean over both orders of what the player adds when it comes in."""
    added = []
    for order in (("object", "background"), ("background", "object")):
        before = frozenset(order[: order.index(player)])
        added.append(value[before | {player}] - value[before])
    return mean(added)


def restated(image: Row, rows: list[Row]) -> dict[str, float]:
    def of(*kinds: str) -> list[Row]:
        return [row for row in rows if row["intervention"] in kinds]

    def margins(*kinds: str) -> float:
        return mean([row["logit_predicted"] - row["logit_against"] for row in of(*kinds)])

    wiped, removed = ("background_blurred", "background_mean"), ("object_inpainted", "object_mean")
    lent = of("donor_predicted", "donor_against", "donor_other")
    value = {
        frozenset({"object", "background"}): image["margin"],
        frozenset({"object"}): margins(*wiped),
        frozenset({"background"}): margins(*removed),
        frozenset[str](): margins("empty"),
    }
    spreads = []
    for kind in ("donor_predicted", "donor_against"):
        p = [row["probability_predicted"] for row in of(kind)]
        spreads += [max(p) - min(p)] if p else []
    mistake, label, predicted = not image["correct"], image["label"], image["predicted"]
    right = [float(row["predicted"] == label) for row in lent]
    stays = [row["predicted"] == predicted for row in of(*wiped, "donor_against", "donor_other")]
    wanted = "probability_against" if mistake else "probability_predicted"
    p_label = mean([row[wanted] for row in [*lent, *of(*wiped)]]) if lent else math.nan
    reliance = p_label if mistake else 1 - p_label
    even = of("colours_matched")[0]["predicted"] == label
    return {
        "shapley_object": shapley(value, "object"),
        "shapley_background": shapley(value, "background"),
        "gap": mean([r["probability_predicted"] for r in of("donor_predicted")])
        - mean([r["probability_predicted"] for r in of("donor_against")]),
        "placebo_gap": max(spreads) if spreads else math.nan,
        "turned": mean(
            [float(r["predicted"] == image["against_idx"]) for r in of("donor_against")]
        ),
        "held": mean([float(s) for s in stays]),
        "right_replaced": mean(right),
        "background_alone": mean([float(row["predicted"] == predicted) for row in of(*removed)]),
        "colours_turned": float(even != image["correct"]),
        "reliance": reliance if lent else math.nan,
    }


@pytest.mark.parametrize(
    "donors", [(2, 2, 4), (1, 2, 0), (0, 1, 4), (2, 0, 1), (0, 0, 4), (0, 0, 0)]
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_number_is_that_of_the_loops(donors: tuple[int, int, int], seed: int) -> None:
    candidates, evidence = small_pass(donors, seed)
    measured = measure(candidates, evidence)
    assert measured["image_id"].tolist() == [0, 1, 2, 3]
    rows: list[Any] = evidence.to_dict("records")
    for image, numbers in zip(
        candidates.to_dict("records"), measured.to_dict("records"), strict=True
    ):
        own = [row for row in rows if row["image_id"] == image["image_id"]]
        expected = restated(image, own)
        assert {name: float(numbers[name]) for name in expected} == pytest.approx(
            expected, abs=1e-12, nan_ok=True
        )
        # Efficiency (Shapley 1953): the two parts are all that is not there without either.
        empty = next(row for row in own if row["intervention"] == "empty")
        parts = numbers["shapley_object"] + numbers["shapley_background"]
        whole = image["margin"] - (empty["logit_predicted"] - empty["logit_against"])
        assert parts == pytest.approx(whole)


def test_the_split_in_closed_form() -> None:
    """Margin 5, object alone 3, background alone 1, neither 0.5: 3.25 and 1.25 of 4.5."""
    image = candidate(0, 1, 0, 1, np.array([5.0, 0.0]))
    alone = {"background_blurred": 2, "background_mean": 4, "object_inpainted": 1.5}
    alone |= {"object_mean": 0.5, "empty": 0.5, "colours_matched": 9}
    rows = [changed(image, name, 0, np.array([value, 0.0])) for name, value in alone.items()]
    measured = measure(pd.DataFrame([image]), pd.DataFrame(rows)).iloc[0]
    assert measured["shapley_object"] == pytest.approx(3.25)
    assert measured["shapley_background"] == pytest.approx(1.25)
    lost = ["gap", "placebo_gap", "turned", "right_replaced", "reliance"]
    assert measured[lost].isna().all()


def test_an_image_without_donors_does_not_disturb_the_others() -> None:
    candidates, evidence = small_pass((2, 2, 4))
    lone = (evidence["image_id"] == 2) & evidence["intervention"].str.startswith("donor")
    with_all = measure(candidates, evidence).set_index("image_id")
    measured = measure(candidates, evidence[~lone]).set_index("image_id")
    pd.testing.assert_frame_equal(measured.drop(2), with_all.drop(2))
    assert measured.loc[2, ["gap", "turned", "right_replaced", "reliance"]].isna().all()
    assert measured.loc[2, "background_alone"] == with_all.loc[2, "background_alone"]


def test_neither_order_nor_untested_candidates_matter() -> None:
    candidates, evidence = small_pass((2, 2, 4))
    more = pd.concat([candidates, candidates.assign(image_id=candidates["image_id"] + 100)])
    pd.testing.assert_frame_equal(
        measure(more.sample(frac=1, random_state=1), evidence.sort_values("image_id")),
        measure(candidates, evidence),
    )


def test_without_evidence_no_image_is_tested() -> None:
    candidates, evidence = small_pass((2, 2, 4))
    empty = measure(candidates, evidence.iloc[:0])
    assert len(empty) == 0 and list(empty) == list(measure(candidates, evidence))
