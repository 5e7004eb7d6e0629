"""Whose background is lent to whom."""

from collections import defaultdict

import numpy as np
import pandas as pd

from tasks.second_pass.donors import DONORS_PER_CLASS, OTHER_DONORS, donor_pool, other_donors

ALIKE = defaultdict(lambda: np.zeros(4, np.float32))
# Labels 0, 1 and 2; one image of class 0 is taken for class 7, which no image carries.
CANDIDATES = pd.DataFrame(
    {
        "image_id": range(12),
        "label": [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2],
        "predicted": [0, 0, 0, 7, 1, 1, 2, 1, 2, 2, 2, 2],
        "object_area": [0.1] * 11 + [0.6],
    }
)


def test_a_class_without_labelled_images_borrows_from_those_taken_for_it() -> None:
    pool = donor_pool(CANDIDATES, seed=0)
    assert pool[7] == [3]
    assert 11 not in pool[2]  # its object is too large
    assert pool[2][-1] == 6  # taken for class 2: only after its own
    assert all(len(ids) <= DONORS_PER_CLASS for ids in pool.values())


def test_backgrounds_of_other_classes_are_of_other_labels() -> None:
    labels = dict(zip(CANDIDATES["image_id"], CANDIDATES["label"], strict=True))
    tested = pd.DataFrame({"image_id": [0, 4, 6], "predicted": [0, 1, 2], "against_idx": [1, 7, 1]})
    chosen = other_donors(donor_pool(CANDIDATES, seed=0), labels, tested, ALIKE, seed=0)
    assert [len(donors) for donors in chosen] == [3, OTHER_DONORS, OTHER_DONORS]
    compared = [{0, 1}, {1, 7}, {2, 1}]
    for donors, classes in zip(chosen, compared, strict=True):
        assert not {labels[donor] for donor in donors} & classes
    # Image 3 carries label 0: it is never lent as one of class 7.
    assert set(chosen[0]) <= {8, 9, 10}


def test_without_a_third_class_there_is_no_other_background() -> None:
    two = CANDIDATES[CANDIDATES["label"] < 2]
    labels = dict(zip(two["image_id"], two["label"], strict=True))
    tested = pd.DataFrame({"image_id": [0], "predicted": [0], "against_idx": [1]})
    assert other_donors(donor_pool(two, seed=0), labels, tested, ALIKE, seed=0) == [[]]
