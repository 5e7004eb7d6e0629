"""Sums, strongest units and unit statistics: any grouping, any order, the same bits."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.explain.strongest_units import StrongestUnits
from tasks.merge.unit_stats import UnitStats
from tasks.statistics.exact_sum import ExactSum

SEEDS = st.integers(0, 2**32 - 1)


def parts(generator: np.random.Generator, count: int) -> list[np.ndarray]:
    """The numbers below `count`, shuffled and cut at random; some parts may be empty."""
    cuts = np.sort(generator.integers(0, count + 1, generator.integers(0, 6)))
    return np.split(generator.permutation(count), cuts)


def merged_at_random(generator: np.random.Generator, pieces: list):
    """All pieces in one, merged pair by pair in a random order and tree."""
    while len(pieces) > 1:
        i, j = generator.choice(len(pieces), 2, replace=False)
        pieces[i].merge(pieces[j])
        del pieces[j]
    return pieces[0]


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.integers(1, 40), st.sampled_from([1e-9, 1.0, 1e6, 1e11]))
def test_a_sum_is_the_same_in_any_grouping_and_right(seed, count, size):
    generator = np.random.default_rng(seed)
    values = generator.normal(size=count) * size
    index = generator.integers(0, 3, count)
    once = ExactSum((3,))
    once.update(index, values)
    pieces = []
    for part in parts(generator, count):
        pieces.append(ExactSum((3,)))
        pieces[-1].update(index[part], values[part])
    assert merged_at_random(generator, pieces).compute().tolist() == once.compute().tolist()
    for place in range(3):
        exact = math.fsum(values[index == place])
        assert once.compute()[place] == pytest.approx(exact, rel=1e-15, abs=count * 2.0**-40)


def test_a_sum_of_many_hundredths_has_no_drift():
    total = ExactSum((1,))
    for _ in range(100):
        total.update(np.zeros(10_000, dtype=np.int64), np.full(10_000, 0.01))
    assert total.compute()[0] == pytest.approx(10_000, abs=1e-6)


def test_a_sum_takes_nan_as_nothing_and_clips_the_infinite():
    total = ExactSum((2,))
    total.update(np.array([0, 0, 1]), [np.nan, 2.5, -np.inf])
    assert total.compute().tolist() == [2.5, -(2.0**40)]


def test_a_sum_over_two_axes():
    total = ExactSum((2, 3))
    total.update((np.array([[0], [1], [0]]), np.arange(3)[None]), np.arange(9.0).reshape(3, 3))
    assert total.compute().tolist() == [[6, 8, 10], [3, 4, 5]]


def strongest(activation: np.ndarray, image_id: np.ndarray, top_k: int) -> StrongestUnits:
    kept = StrongestUnits(len(activation), top_k, ("row",))
    ids = np.broadcast_to(image_id, activation.shape)
    kept.update(activation, ids, {"row": (ids * 3).astype(np.int32)})
    return kept


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.integers(1, 30), st.integers(1, 6))
def test_the_strongest_are_the_same_in_any_grouping_and_ties_go_to_the_lower_id(seed, count, top_k):
    generator = np.random.default_rng(seed)
    activation = generator.integers(-2, 3, (2, count)).astype(np.float32)  # many ties
    image_id = generator.permutation(count * 2)[:count].astype(np.int64)
    pieces = [
        strongest(activation[:, part], image_id[part], top_k) for part in parts(generator, count)
    ]
    found = merged_at_random(generator, pieces)
    for unit in range(2):
        pairs = zip(activation[unit].tolist(), image_id.tolist(), strict=True)
        expected = sorted(pairs, key=lambda pair: (-pair[0], pair[1]))[:top_k]
        assert found.activation[unit].tolist() == [a for a, _ in expected]
        assert found.image_id[unit].tolist() == [i for _, i in expected]
        assert found.columns["row"][unit].tolist() == [3 * i for _, i in expected]


def statistics(pooled: np.ndarray, labels: np.ndarray) -> UnitStats:
    stats = UnitStats(pooled.shape[1], 4)
    stats.update(pooled, labels)
    return stats


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(0, 40))
def test_unit_statistics_are_the_same_in_any_grouping(seed, count):
    generator = np.random.default_rng(seed)
    pooled = generator.normal(size=(count, 3)) * [1, 1e-3, 1e3]
    labels = generator.integers(-1, 4, count)
    pieces = [statistics(pooled[part], labels[part]) for part in parts(generator, count)]
    table = merged_at_random(generator, pieces).compute("layer")
    # pandas' `equals` takes NaN for equal to NaN; every other value must agree to the last bit.
    assert table.to_pandas().equals(statistics(pooled, labels).compute("layer").to_pandas())


def test_unit_statistics_are_right():
    generator = np.random.default_rng(3)
    pooled = np.maximum(generator.normal(1, 1, (500, 3)), 0)
    labels = generator.integers(0, 3, 500)
    pooled[:, 1] *= labels  # excited by class 2
    found = statistics(pooled, labels).compute("layer").to_pydict()
    np.testing.assert_allclose(found["mean"], pooled.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(found["variance"], pooled.var(axis=0), rtol=1e-9)
    np.testing.assert_allclose(found["dead_share"], (pooled <= 0).mean(axis=0), rtol=1e-12)
    for q in (5, 25, 50, 75, 95):
        exact = np.quantile(pooled, q / 100, axis=0, method="inverted_cdf")
        np.testing.assert_allclose(found[f"quantile_{q:02d}"], exact, rtol=0.0501, atol=1e-6)
    means = np.array([pooled[labels == c].mean(axis=0) for c in range(3)])
    highest = means.max(axis=0)
    rest = (means.sum(axis=0) - highest) / 2
    np.testing.assert_allclose(found["selectivity"], (highest - rest) / (highest + rest), 1e-9)
    assert found["selective_class_idx"] == means.argmax(axis=0).tolist()
    assert found["selective_class_idx"][1] == 2


@pytest.mark.parametrize("labels", [[-1, -1], [1, 1], []])
def test_selectivity_needs_two_classes(labels):
    table = statistics(np.ones((len(labels), 2)), np.array(labels, dtype=np.int64)).compute("x")
    assert table["selectivity"].to_pylist() == [None, None]
    assert table["selective_class_idx"].to_pylist() == [-1, -1]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 65504.0, 1e-30, -1e-30, 0.0])
def test_any_value_of_a_unit_is_taken(value):
    table = statistics(np.array([[value], [1.0]]), np.array([0, 1])).compute("layer")
    assert isinstance(table, pa.Table) and table["images"].to_pylist() == [2]
