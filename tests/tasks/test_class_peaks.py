"""AUROC from counts against scikit-learn's on the values themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from tasks.mining.class_peaks import ClassPeaks
from tasks.statistics.log_histogram import LogHistogram
from tests.tasks.test_accumulators import SEEDS, merged_at_random, parts

DRAWS = {
    "rectified": lambda rng, shape: np.maximum(rng.normal(0, 2, shape), 0),
    "signed": lambda rng, shape: rng.normal(0.5, 1, shape),
    "negative": lambda rng, shape: -rng.exponential(1, shape),
    "few values": lambda rng, shape: rng.integers(-1, 3, shape).astype(float),
    "all zero": lambda rng, shape: np.zeros(shape),
    "wide": lambda rng, shape: np.exp(rng.normal(0, 4, shape)),
}


def counted(counts: np.ndarray, peaks: np.ndarray, groups: np.ndarray) -> ClassPeaks:
    kept = ClassPeaks(counts, 3)
    kept.update(peaks, groups)
    return kept


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.sampled_from(sorted(DRAWS)), st.integers(30, 200))
def test_within_the_stated_error_for_any_split_and_order(seed, draw, count):
    rng = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(3), rng.integers(0, 3, count - 3)])
    peaks = DRAWS[draw](rng, (count, 2)).astype(np.float32)
    peaks[groups == 1] *= 1.5
    histogram = LogHistogram(2)
    histogram.update(peaks)
    once = counted(histogram.counts, peaks, groups)
    pieces = [counted(histogram.counts, peaks[p], groups[p]) for p in parts(rng, count)]
    auroc, error = once.compute()
    merged = merged_at_random(rng, pieces).compute()
    assert merged[0].tolist() == auroc.tolist() and merged[1].tolist() == error.tolist()
    for group in range(3):
        for unit in range(2):
            exact = roc_auc_score(groups == group, peaks[:, unit])
            assert abs(auroc[group, unit] - exact) <= error[group, unit] + 1e-6


@pytest.mark.parametrize("draw", sorted(DRAWS))
def test_the_stated_error_is_small(draw):
    rng = np.random.default_rng(1)
    peaks, groups = DRAWS[draw](rng, (5000, 4)).astype(np.float32), rng.integers(0, 3, 5000)
    histogram = LogHistogram(4)
    histogram.update(peaks)
    auroc, error = counted(histogram.counts, peaks, groups).compute()
    if draw == "few values":  # each has bins of its own but shares them with none
        assert np.isfinite(auroc).all()
    else:
        assert error.max() < 0.014
    exact = [[roc_auc_score(groups == g, column) for column in peaks.T] for g in range(3)]
    np.testing.assert_allclose(auroc, exact, atol=5e-4)


def test_a_unit_that_never_rises_tells_nothing_and_is_sure_of_it():
    histogram = LogHistogram(1)
    histogram.update(np.zeros((6, 1), dtype=np.float32))
    zeros = np.zeros((6, 1), dtype=np.float32)
    auroc, error = counted(histogram.counts, zeros, np.arange(6) % 3).compute()
    assert auroc.tolist() == [[0.5]] * 3 and error.tolist() == [[0.0]] * 3


def test_a_class_without_others_is_told_from_none():
    histogram = LogHistogram(1)
    auroc, error = counted(histogram.counts, np.ones((4, 1), np.float32), np.ones(4, int)).compute()
    assert np.isnan(auroc).all() and np.isnan(error).all()
