"""One image more or less changes little of what is chosen at random."""

import numpy as np
import pandas as pd

from tasks.second_pass.donors import DONORS_PER_CLASS, donor_pool
from tasks.statistics.sampling import stratified_sample

IDS, LABELS = np.arange(2000) * 3, np.arange(2000) % 10


def without(place: int) -> tuple[np.ndarray, np.ndarray]:
    return np.delete(IDS, place), np.delete(LABELS, place)


def test_a_sample_changes_by_what_is_rounded_another_way() -> None:
    whole = set(stratified_sample(IDS, LABELS, 300, 0).tolist())
    changed = []
    for place in range(0, 2000, 50):
        smaller = set(stratified_sample(*without(place), 300, 0).tolist())
        of_label = {label: [len([i for i in ids if i // 3 % 10 == label]) for ids in
                            (whole, smaller)] for label in range(10)}  # fmt: skip
        # Within a label images come and go in one order: the smaller choice is part of the larger.
        expected = sum(abs(one - other) for one, other in of_label.values())
        was_drawn = int(IDS[place] in whole)
        assert len(whole ^ smaller) <= expected + 2 * was_drawn
        changed.append(len(whole ^ smaller))
    assert max(changed) <= 20 and np.mean(changed) < 6


def test_a_pool_of_donors_loses_one_and_gains_one() -> None:
    candidates = pd.DataFrame(
        {"image_id": IDS, "label": LABELS, "predicted": LABELS, "object_area": 0.2}
    )
    pools = donor_pool(candidates, 0)
    assert {len(ids) for ids in pools.values()} == {DONORS_PER_CLASS}
    for image_id in IDS[::40].tolist():
        smaller = donor_pool(candidates[candidates["image_id"] != image_id], 0)
        for class_idx, ids in pools.items():
            kept = [i for i in ids if i != image_id]
            assert smaller[class_idx][: len(kept)] == kept


def test_donors_are_drawn_apart_from_the_sample() -> None:
    candidates = pd.DataFrame(
        {"image_id": IDS, "label": LABELS, "predicted": LABELS, "object_area": 0.2}
    )
    lenders = {i for ids in donor_pool(candidates, 0).values() for i in ids}
    sample = set(stratified_sample(IDS, LABELS, 320, 0).tolist())
    # Of 320 and 320 in 2,000 by chance 51.2 are in both, with a standard deviation of 6.0.
    assert abs(len(lenders & sample) - 51.2) < 4 * 6.0
