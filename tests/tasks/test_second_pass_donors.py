"""Whose backgrounds are lent, and to whom."""

from collections import defaultdict

import numpy as np
import pandas as pd
import pytest

from tasks.second_pass import donors as lending
from tasks.second_pass.donors import donor_pool, matching_donors, other_donors

CLASSES = 5
ALIKE = defaultdict(lambda: np.ones(4, np.float32) / 2)


@pytest.fixture
def candidates() -> pd.DataFrame:
    """200 images, a third of them mistakes; of class 4 two correct ones alone; some large."""
    generator = np.random.default_rng(4)
    label = generator.integers(0, 4, 200)
    label[:2] = 4
    predicted = np.where(generator.random(200) < 0.33, (label + 1) % 4, label)
    predicted[:2] = 4
    return pd.DataFrame(
        {
            "image_id": 7 * np.arange(200),
            "label": label,
            "predicted": predicted,
            "object_area": generator.uniform(0.05, 0.8, 200),
        }
    )


def labels_of(candidates: pd.DataFrame) -> dict[int, int]:
    return dict(zip(candidates["image_id"], candidates["label"], strict=True))


def rank(row: pd.Series, class_idx: int) -> int:
    if row["label"] == class_idx:
        return 0 if row["predicted"] == class_idx else 1
    return 2


@pytest.mark.parametrize("at_once", [1, 60, 2**16])
def test_a_class_lends_its_correct_images_first_then_its_mistakes_then_what_it_was_given(
    candidates: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(lending, "_ROWS_AT_ONCE", at_once)
    rows = candidates.set_index("image_id")
    for size in (5, 20, 32, 1000):
        monkeypatch.setattr(lending, "DONORS_PER_CLASS", size)
        pool = donor_pool(candidates, seed=0)
        assert sorted(pool) == list(range(CLASSES))
        for class_idx, ids in pool.items():
            assert len(ids) == len(set(ids))
            possible = [
                rank(row, class_idx)
                for _, row in rows.iterrows()
                if row["object_area"] <= 0.5 and class_idx in (row["label"], row["predicted"])
            ]
            # In this order, and none of a later kind while one of an earlier kind is left.
            assert [rank(rows.loc[i], class_idx) for i in ids] == sorted(possible)[:size]
            assert (rows.loc[ids, "object_area"] <= 0.5).all()


def test_the_largest_object_that_is_lent_is_half_the_view() -> None:
    area = [0.5, np.nextafter(0.5, 1), np.nan, 0.01]
    images = pd.DataFrame(
        {"image_id": [1, 2, 3, 4], "label": 0, "predicted": 0, "object_area": area}
    )
    assert sorted(donor_pool(images, seed=0)[0]) == [1, 4]


def test_without_mistakes_the_pool_is_that_of_the_correct_ones() -> None:
    images = pd.DataFrame(
        {"image_id": [5, 6, 7], "label": [0, 0, 2], "predicted": [0, 0, 2], "object_area": 0.2}
    )
    pool = donor_pool(images, seed=0)
    assert {class_idx: sorted(ids) for class_idx, ids in pool.items()} == {0: [5, 6], 2: [7]}
    assert all(isinstance(image_id, int) for ids in pool.values() for image_id in ids)


@pytest.mark.parametrize("at_once", [17, 2**16])
def test_the_pool_depends_on_the_seed_and_not_on_the_order_of_rows(
    candidates: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    first = donor_pool(candidates, seed=0)
    monkeypatch.setattr(lending, "_ROWS_AT_ONCE", at_once)
    assert donor_pool(candidates.sample(frac=1, random_state=1), seed=0) == first
    assert donor_pool(candidates, seed=1) != first


def test_no_one_to_lend_is_no_pool(candidates: pd.DataFrame) -> None:
    assert donor_pool(candidates.assign(object_area=0.9), seed=0) == {}
    assert donor_pool(candidates.iloc[:0], seed=0) == {}
    assert matching_donors([], 5, 2, ALIKE) == [] and matching_donors([5], 5, 2, ALIKE) == []


def test_an_image_never_stands_on_its_own_background_and_on_none_twice() -> None:
    for size in range(1, 8):
        pool = [11 * i for i in range(size)]
        for image_id in range(80):
            assigned = matching_donors(pool, image_id, 2, ALIKE)
            left = [donor for donor in pool if donor != image_id]
            assert len(assigned) == min(2, len(left)) == len(set(assigned))
            assert set(assigned) <= set(left)


def test_the_image_hides_most_of_what_its_donors_have_lost() -> None:
    generator = np.random.default_rng(0)
    cells = {i: generator.random(16, dtype=np.float32).round() for i in range(60)}
    pool, taken = list(range(10, 50)), []
    for image_id in (0, 1, 2, 57):
        start = image_id % len(pool)
        turn = [pool[(start + step) % len(pool)] for step in range(24)]  # eight for each of three
        left = {
            donor: sum(
                float(lost) * (1 - float(own))
                for lost, own in zip(cells[donor], cells[image_id], strict=True)
            )
            for donor in turn
        }
        chosen = matching_donors(pool, image_id, 3, cells)
        assert len(set(chosen)) == 3 and set(chosen) <= set(turn)
        assert sorted(left[donor] for donor in chosen) == sorted(left.values())[:3]
        taken += chosen
    assert len(set(taken)) > 6


def test_images_take_turns() -> None:
    pool = [1000, 1001, 1002, 1003, 1004]
    lent = [donor for image_id in range(100) for donor in matching_donors(pool, image_id, 2, ALIKE)]
    assert {donor: lent.count(donor) for donor in pool} == dict.fromkeys(pool, 40)


def test_the_others_are_of_neither_class_and_each_of_another(candidates: pd.DataFrame) -> None:
    pool = donor_pool(candidates, seed=0)
    tested = candidates.assign(against_idx=(candidates["label"] + 2) % 4)
    lent = other_donors(pool, labels_of(candidates), tested, ALIKE, seed=3)
    rows = candidates.set_index("image_id")
    for test, ids in zip(tested.to_dict("records"), lent, strict=True):
        compared = {test["predicted"], test["against_idx"]}
        others = set(range(CLASSES)) - compared
        assert len(ids) == len(set(ids)) and (len(ids) == 4 or 4 in others)  # it has two images
        found = []
        for donor in ids:
            row = rows.loc[donor]
            classes = {row["label"]} & others
            assert classes, (test, donor)
            found.append(classes)
        # As many different ones as four places can hold.
        assert len(set().union(*found)) >= min(4, len(others))


def test_where_classes_are_few_the_images_are_others() -> None:
    pool = {0: [1], 1: [2], 2: [3, 4, 5, 6, 7], 3: [8, 9]}
    labels = {image_id: class_idx for class_idx, ids in pool.items() for image_id in ids}
    tested = pd.DataFrame({"image_id": range(50, 99), "predicted": 0, "against_idx": 1})
    for ids in other_donors(pool, labels, tested, ALIKE, seed=0):
        assert sorted(i > 7 for i in ids) == [False, False, True, True] and len(set(ids)) == 4
    pool = {0: [1], 1: [2], 2: [3, 4, 5, 6, 7]}
    for ids in other_donors(pool, labels, tested, ALIKE, seed=0):
        assert set(ids) <= set(pool[2]) and len(set(ids)) == 4
    assert other_donors(pool | {2: [3]}, labels, tested, ALIKE, seed=0) == [[3]] * 49


def test_the_tested_image_is_not_among_the_others(candidates: pd.DataFrame) -> None:
    pool = donor_pool(candidates, seed=0)
    wrong = candidates["label"] != candidates["predicted"]
    mistakes = candidates[wrong].assign(against_idx=candidates["label"])
    for image_id, ids in zip(
        mistakes["image_id"],
        other_donors(pool, labels_of(candidates), mistakes, ALIKE, seed=0),
        strict=True,
    ):
        assert image_id not in ids


def test_with_two_classes_there_are_no_others() -> None:
    tested = pd.DataFrame({"image_id": [1, 2], "predicted": [0, 1], "against_idx": [1, 0]})
    assert other_donors({0: [1], 1: [2]}, {1: 0, 2: 1}, tested, ALIKE, seed=0) == [[], []]
    assert other_donors({}, {}, tested, ALIKE, seed=0) == [[], []]


def test_the_others_of_an_image_do_not_depend_on_who_else_is_tested(
    candidates: pd.DataFrame,
) -> None:
    pool = donor_pool(candidates, seed=0)
    tested = candidates.assign(against_idx=(candidates["label"] + 2) % 4)
    labels = labels_of(candidates)
    everyone = other_donors(pool, labels, tested, ALIKE, seed=3)
    two = other_donors(pool, labels, tested.iloc[[150, 20]], ALIKE, seed=3)
    assert two == [everyone[150], everyone[20]]
