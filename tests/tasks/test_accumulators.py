"""Sums and statistics of units: any grouping, any order, the same bits."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.mining.peak_stats import PeakStats
from tasks.mining.unit_stats import UnitStats
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


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.integers(0, 40))
def test_sums_by_row_are_those_by_place(seed, count):
    generator = np.random.default_rng(seed)
    rows, values = generator.integers(0, 4, count), generator.normal(size=(count, 3)) * 1e5
    by_place, by_row = ExactSum((4, 3)), ExactSum((4, 3))
    by_place.update((rows[:, None], np.arange(3)[None]), values)
    for part in parts(generator, count):
        by_row.update_rows(rows[part], values[part])
    assert by_row.compute().tolist() == by_place.compute().tolist()


def as_frame(columns: dict) -> pd.DataFrame:
    return pd.DataFrame({name: np.asarray(values) for name, values in columns.items()})


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
    found = as_frame(merged_at_random(generator, pieces).compute())
    # pandas' `equals` takes NaN for equal to NaN; every other value must agree to the last bit.
    assert found.equals(as_frame(statistics(pooled, labels).compute()))


def of_peaks(peaks: np.ndarray, groups: np.ndarray) -> PeakStats:
    stats = PeakStats(peaks.shape[1], 2)
    stats.update(peaks, groups)
    return stats


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(0, 40))
def test_statistics_of_peaks_are_the_same_in_any_grouping(seed, count):
    generator = np.random.default_rng(seed)
    peaks = generator.normal(size=(count, 3)).astype(np.float32) * [1, 1e-3, 1e3]
    groups = generator.integers(-1, 2, count)
    pieces = [of_peaks(peaks[part], groups[part]) for part in parts(generator, count)]
    found, once = merged_at_random(generator, pieces), of_peaks(peaks, groups)
    assert as_frame(found.compute()).equals(as_frame(once.compute()))
    assert found.class_sums().tolist() == once.class_sums().tolist()
    for group in range(2):
        exact = [math.fsum(column) for column in peaks[groups == group].T]
        np.testing.assert_allclose(found.class_sums()[group], exact or 0, atol=1e-9)


def test_unit_statistics_are_right():
    generator = np.random.default_rng(3)
    pooled = np.maximum(generator.normal(1, 1, (500, 3)), 0)
    labels = generator.integers(0, 3, 500)
    pooled[:, 1] *= labels  # excited by class 2
    found = as_frame(statistics(pooled, labels).compute())
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
    assert found["selective_class_idx"].tolist() == means.argmax(axis=0).tolist()
    assert found["selective_class_idx"][1] == 2


@pytest.mark.parametrize("labels", [[-1, -1], [1, 1], []])
def test_selectivity_needs_two_classes(labels):
    found = statistics(np.ones((len(labels), 2)), np.array(labels, dtype=np.int64)).compute()
    assert found["selectivity"].to_pylist() == [None, None]
    assert found["selective_class_idx"].tolist() == [-1, -1]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 65504.0, 1e-30, -1e-30, 0.0])
def test_any_value_of_a_unit_is_taken(value):
    found = statistics(np.array([[value], [1.0]]), np.array([0, 1])).compute()
    assert found["images"].tolist() == [2] and np.isfinite(found["mean"]).all()
