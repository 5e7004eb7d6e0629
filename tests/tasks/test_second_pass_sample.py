"""Who is tested, and with which probability."""

import math

import numpy as np
import pandas as pd
import pytest

from tasks.second_pass.sample import choose_sample


def population(mistakes: int, correct: int, classes: int = 3, seed: int = 0) -> pd.DataFrame:
    """Images in no order, with scores that many of them share."""
    generator = np.random.default_rng(seed)
    number = mistakes + correct
    frame = pd.DataFrame(
        {
            "image_id": 10 * np.arange(number) + 3,
            "label": generator.integers(0, classes, number),
            "correct": np.arange(number) >= mistakes,
            "score": np.round(generator.random(number), 1),
        }
    )
    return frame.sample(frac=1, random_state=seed)


def counts(chosen: pd.DataFrame, images: pd.DataFrame) -> dict[tuple[str, bool], int]:
    joined = chosen.merge(images, on="image_id", validate="one_to_one")
    kinds = zip(joined["stratum"], joined["correct"], strict=True)
    found = {(s, c): 0 for s in ("suspicious", "random") for c in (False, True)}
    for kind in kinds:
        found[kind] += 1
    return found


def most_suspicious(images: pd.DataFrame, correct: bool, number: int) -> set[int]:
    """By a plain sort: the highest score first, of equal ones the lowest id, NaN last."""
    rows = images[images["correct"] == correct][["score", "image_id"]].to_numpy().tolist()
    rows.sort(key=lambda row: (math.isnan(row[0]), -row[0] if row[0] == row[0] else 0, row[1]))
    return {int(image_id) for _, image_id in rows[:number]}


def test_the_sample_has_its_parts_in_their_shares_and_the_worst_are_all_in_it() -> None:
    images = population(200, 300)
    chosen = choose_sample(images, 100, seed=1)
    parts = counts(chosen, images)
    assert parts == {
        ("suspicious", False): 30, ("random", False): 30,
        ("suspicious", True): 10, ("random", True): 30,
    }  # fmt: skip
    suspicious = set(chosen["image_id"][chosen["stratum"] == "suspicious"])
    assert suspicious == most_suspicious(images, False, 30) | most_suspicious(images, True, 10)
    joined = chosen.merge(images, on="image_id")
    stated = joined.groupby(["stratum", "correct"])["inclusion"].unique()
    assert stated["suspicious", False].tolist() == stated["suspicious", True].tolist() == [1.0]
    assert stated["random", False].tolist() == [pytest.approx(30 / 170)]
    assert stated["random", True].tolist() == [pytest.approx(30 / 290)]
    assert chosen["image_id"].is_monotonic_increasing and chosen["image_id"].is_unique


def test_every_image_of_the_random_part_is_drawn_as_often_as_stated() -> None:
    images, seeds = population(30, 50), 1000
    drawn = dict.fromkeys(images["image_id"], 0)
    for seed in range(seeds):
        chosen = choose_sample(images, 20, seed)
        for image_id in chosen["image_id"]:
            drawn[image_id] += 1
    certain = most_suspicious(images, False, 6) | most_suspicious(images, True, 2)
    wrong = set(images["image_id"][~images["correct"]])
    for image_id, times in drawn.items():
        # 12 mistakes: 6 taken, 6 of the other 24; 8 correct: 2 taken, 6 of the other 48.
        expected = 1.0 if image_id in certain else 6 / 24 if image_id in wrong else 6 / 48
        spread = math.sqrt(seeds * expected * (1 - expected))
        assert abs(times - seeds * expected) <= 4.5 * spread, image_id


def test_every_class_has_its_share_of_the_random_part() -> None:
    images = population(100, 200, classes=4)
    for seed in range(20):
        chosen = choose_sample(images, 80, seed).merge(images, on="image_id")
        random = chosen[chosen["stratum"] == "random"]
        certain = set(chosen["image_id"][chosen["stratum"] == "suspicious"])
        rest = images[~images["image_id"].isin(certain)]
        for (correct, label), group in rest.groupby(["correct", "label"]):
            own = random[(random["correct"] == correct) & (random["label"] == label)]
            share = len(group) * random[random["correct"] == correct]["inclusion"].iloc[0]
            assert math.floor(share) <= len(own) <= math.ceil(share)


@pytest.mark.parametrize(
    ("mistakes", "correct", "size", "expected"),
    [
        (6, 94, 50, (3, 3, 11, 33)),  # too few mistakes: the others take their places
        (90, 5, 50, (22, 23, 1, 4)),  # too few correct ones
        (0, 40, 12, (0, 0, 3, 9)),
        (40, 0, 12, (6, 6, 0, 0)),
        (3, 4, 50, (1, 2, 1, 3)),  # all there is
        (5, 5, 0, (0, 0, 0, 0)),
        (1, 0, 1, (0, 1, 0, 0)),
    ],
)
def test_what_one_kind_lacks_goes_to_the_other(
    mistakes: int, correct: int, size: int, expected: tuple[int, int, int, int]
) -> None:
    images = population(mistakes, correct)
    parts = counts(choose_sample(images, size, seed=0), images)
    suspicious, random = ("suspicious", False), ("random", False)
    order = (suspicious, random, ("suspicious", True), ("random", True))
    assert tuple(parts[kind] for kind in order) == expected


def test_all_are_taken_for_certain_where_there_are_fewer_than_asked_for() -> None:
    images = population(7, 9)
    chosen = choose_sample(images, 1000, seed=0)
    assert set(chosen["image_id"]) == set(images["image_id"])
    assert (chosen["inclusion"] == 1).all()


def test_an_image_without_a_score_is_the_least_suspicious() -> None:
    images = population(20, 20)
    images.loc[images["image_id"].isin([3, 13, 23]), "score"] = np.nan
    chosen = choose_sample(images, 24, seed=0)
    suspicious = set(chosen["image_id"][chosen["stratum"] == "suspicious"])
    assert suspicious == most_suspicious(images, False, 7) | most_suspicious(images, True, 2)
    assert not suspicious & {3, 13, 23}


def test_the_order_of_the_rows_does_not_matter() -> None:
    images = population(40, 60)
    first = choose_sample(images, 30, seed=5)
    for seed in range(5):
        again = choose_sample(images.sample(frac=1, random_state=seed), 30, seed=5)
        pd.testing.assert_frame_equal(first, again)


def test_nothing_is_drawn_of_nothing() -> None:
    chosen = choose_sample(population(3, 3).iloc[:0], 10, seed=0)
    assert len(chosen) == 0 and chosen["image_id"].dtype == np.int64
