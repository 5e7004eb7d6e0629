"""The running top k against sorting everything, and the integers that it ranks by."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.mining.layers import unit_chunks
from tasks.mining.strongest_images import StrongestImages, entries_of, ranking_keys
from tests.tasks.test_accumulators import SEEDS, merged_at_random, parts

VALUES = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(VALUES, st.integers(0, 2**31 - 1)), min_size=1, max_size=20))
def test_keys_are_ordered_as_activations_and_of_equals_the_lower_image_first(entries):
    activation = np.array([[a] for a, _ in entries], dtype=np.float32)
    image_id = np.array([i for _, i in entries])
    keys = ranking_keys(activation, image_id)[:, 0]
    by_key = sorted(range(len(entries)), key=lambda i: -int(keys[i]))
    ranked = [(entries[i][0], -entries[i][1]) for i in by_key]
    assert ranked == sorted(ranked, reverse=True)
    values, ids, there = entries_of(keys)
    assert there.all() and ids.tolist() == image_id.tolist()
    assert values.tolist() == activation[:, 0].tolist()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_never_takes_a_place(value):
    kept = StrongestImages(1, 1, 2, np.uint16)
    keys = ranking_keys(np.array([[value], [-3.0]], dtype=np.float32), np.array([0, 1]))
    kept.update(0, keys, np.zeros((2, 1), dtype=np.uint16))
    kept.compute()
    values, ids, there = entries_of(kept.keys[0, 0])
    assert there.tolist() == [True, False] and (values[0], ids[0]) == (-3.0, 1)


def test_minus_zero_is_zero():
    keys = ranking_keys(np.array([[-0.0], [0.0]], dtype=np.float32), np.array([4, 9]))
    assert keys[0, 0] > keys[1, 0] and entries_of(keys)[0].tolist() == [[0.0], [0.0]]


def running(activation, image_id, group, cells, part, top_k) -> StrongestImages:
    kept = StrongestImages(2, activation.shape[1], top_k, np.uint16)
    for own in (0, 1):
        rows = part[group[part] == own]
        kept.update(own, ranking_keys(activation[rows], image_id[rows]), cells[rows])
    return kept


@settings(max_examples=100, deadline=None)
@given(SEEDS, st.integers(1, 40), st.integers(1, 6))
def test_merged_in_any_order_equals_sorting_everything(seed, count, top_k):
    rng = np.random.default_rng(seed)
    activation = rng.integers(-2, 3, (count, 3)).astype(np.float32)  # many ties
    image_id, group = rng.permutation(2 * count)[:count], rng.integers(0, 2, count)
    cells = rng.integers(0, 2**16, (count, 3)).astype(np.uint16)
    pieces = [running(activation, image_id, group, cells, part, top_k)
              for part in parts(rng, count)]  # fmt: skip
    found = merged_at_random(rng, pieces)
    found.compute()
    values, ids, there = entries_of(found.keys)
    for own in (0, 1):
        for unit in range(3):
            mine = [(-activation[i, unit], image_id[i], cells[i, unit])
                    for i in range(count) if group[i] == own]  # fmt: skip
            expected = [(float(-a), i, c) for a, i, c in sorted(mine)[:top_k]]
            here = there[own, unit]
            got = zip(values[own, unit][here].tolist(), ids[own, unit][here],
                      found.cells[own, unit][here], strict=True)  # fmt: skip
            assert list(got) == expected


@pytest.mark.parametrize(
    "units, each, most, lengths",
    [(10, 3, 30, [10]), (10, 3, 29, [9, 1]), (3, 100, 5, [1, 1, 1]), (4, 2, 1000, [4])],
)
def test_runs_of_units(units, each, most, lengths):
    runs = unit_chunks(units, each, most)
    assert [run.stop - run.start for run in runs] == lengths
    assert [u for run in runs for u in range(run.start, run.stop)] == list(range(units))
