"""Differences of rates and means over images that are partly the same."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tasks.clusters.rate_differences import newcombe_interval
from tasks.diff.overlapping_means import MOST_DRAWN, difference_of_means, partly_paired_t
from tasks.diff.overlapping_rates import (
    TwoRates,
    mcnemar_mid_p,
    mover_bounds,
    overlapping_interval,
    p_from_interval,
    rates_p_value,
)
from tasks.statistics.paired_rates import paired_difference_interval

counts = st.integers(0, 40)


def rates(a: np.ndarray, b: np.ndarray) -> TwoRates:
    """From answers per image of the union: 1, 0, NaN where it is not in the set."""
    both = ~np.isnan(a) & ~np.isnan(b)
    numbers = [
        (a == 1).sum(), (~np.isnan(a)).sum(), (b == 1).sum(), (~np.isnan(b)).sum(),
        (both & (a == 1) & (b == 1)).sum(), (both & (a == 1) & (b == 0)).sum(),
        (both & (a == 0) & (b == 1)).sum(), both.sum(),
    ]  # fmt: skip
    return TwoRates(*(np.array([int(number)]) for number in numbers))


def paired(both: int, only_a: int, only_b: int, neither: int) -> TwoRates:
    a = np.repeat([1.0, 1.0, 0.0, 0.0], [both, only_a, only_b, neither])
    b = np.repeat([1.0, 0.0, 1.0, 0.0], [both, only_a, only_b, neither])
    return rates(a, b)


@given(counts, counts, counts, counts)
def test_of_the_same_images_it_is_newcombes_paired_interval(a, b, c, d):
    n = a + b + c + d
    if not n:
        return
    got = overlapping_interval(paired(a, b, c, d))
    expected = paired_difference_interval(a + c, a + b, a, n)
    assert np.ravel(got) == pytest.approx(np.ravel(expected), abs=1e-12)


@given(counts, counts, counts, counts)
def test_of_other_images_it_is_newcombes_independent_interval(hits_a, more_a, hits_b, more_b):
    n_a, n_b = hits_a + more_a, hits_b + more_b
    if not n_a * n_b:
        return
    zero = np.zeros(1, dtype=np.int64)
    numbers = (np.array([number]) for number in (hits_a, n_a, hits_b, n_b))
    got = overlapping_interval(TwoRates(*numbers, zero, zero, zero, zero))
    expected = newcombe_interval(hits_b, n_b, hits_a, n_a)
    assert np.ravel(got) == pytest.approx(np.clip(np.ravel(expected), -1, 1), abs=1e-12)


@given(counts, counts)
def test_mid_p_is_the_exact_test_less_half_of_what_was_seen_on_each_side(only_a, only_b):
    n = only_a + only_b
    if not n:
        assert mcnemar_mid_p(0, 0) == 1.0
        return
    exact = stats.binomtest(only_a, n, 0.5).pvalue
    seen = math.comb(n, only_a) / 2**n
    assert float(mcnemar_mid_p(only_a, only_b)) == pytest.approx(exact - seen, abs=1e-12)


def test_p_values_of_whole_and_no_overlap():
    assert rates_p_value(paired(50, 9, 1, 20))[0] == pytest.approx(
        stats.binomtest(9, 10, 0.5).pvalue - 10 / 2**10
    )
    a = np.r_[np.repeat([1.0, 0.0], [30, 10]), np.full(50, np.nan)]
    b = np.r_[np.full(40, np.nan), np.repeat([1.0, 0.0], [20, 30])]
    one_sided = stats.fisher_exact([[30, 10], [20, 30]], alternative="greater").pvalue
    assert rates_p_value(rates(a, b))[0] == pytest.approx(2 * one_sided)


def test_without_images_of_either_nothing_is_known():
    nothing = rates(np.array([1.0, 0.0]), np.array([np.nan, np.nan]))
    assert np.isnan(rates_p_value(nothing)[0])
    assert np.isnan(nothing.difference[0])
    assert np.isnan(np.ravel(overlapping_interval(nothing))).all()


@pytest.mark.parametrize("shared", [0, 60, 120])
def test_rates_cover_the_truth_and_reject_seldom(shared: int):
    """Answers to shared images go together: the interval covers about 95 %, and equal rates are
    told apart in about 5 % of trials."""
    generator = np.random.default_rng(shared)
    only, covered, rejected, trials = 120 - shared, 0, 0, 1_500
    for _ in range(trials):
        ease = generator.random(shared)
        a = np.r_[ease + 0.15 * generator.normal(size=shared) < 0.75, generator.random(only) < 0.75]
        b = np.r_[ease + 0.15 * generator.normal(size=shared) < 0.75, generator.random(only) < 0.75]
        gap = np.full(only, np.nan)
        drawn = rates(np.r_[a.astype(float), gap], np.r_[
            b[:shared].astype(float), gap, b[shared:].astype(float)
        ]) if only else rates(a.astype(float), b.astype(float))  # fmt: skip
        low, high = overlapping_interval(drawn)
        covered += bool(low[0] <= 0 <= high[0])
        rejected += bool(rates_p_value(drawn)[0] <= 0.05)
    assert 0.94 <= covered / trials <= 0.99
    assert rejected / trials <= 0.062


def test_an_interval_gives_its_own_p_value():
    normal = np.array([0.3]), np.array([0.3 - 1.959964 * 0.1]), np.array([0.3 + 1.959964 * 0.1])
    assert p_from_interval(*normal)[0] == pytest.approx(2 * stats.norm.sf(3), rel=1e-5)
    assert p_from_interval(np.zeros(1), -np.ones(1), np.ones(1))[0] == 1.0
    touching = p_from_interval(np.array([-0.2]), np.array([-0.5]), np.array([0.0]))
    assert touching[0] == pytest.approx(0.05)


def test_independent_numbers_are_combined_by_their_halves():
    a = tuple(np.array(number) for number in (0.2, 0.1, 0.4))
    b = tuple(np.array(number) for number in (0.6, 0.5, 0.8))
    low, high = mover_bounds(a, b)
    assert float(low) == pytest.approx(0.4 - math.hypot(0.1, 0.2))
    assert float(high) == pytest.approx(0.4 + math.hypot(0.2, 0.1))


def test_means_of_the_same_images_are_scipys_bca_and_paired_t():
    generator = np.random.default_rng(1)
    a, b = generator.gamma(0.7, size=80), generator.gamma(0.7, size=80) + 0.1
    difference, low, high, p = difference_of_means(a, b, seed=3)
    expected = stats.bootstrap(
        (b - a,), np.mean, n_resamples=2_000, method="BCa", rng=np.random.default_rng(3)
    ).confidence_interval
    assert difference == pytest.approx(math.fsum(b - a) / 80)
    assert (low, high) == pytest.approx((expected.low, expected.high), rel=1e-3)
    assert p == pytest.approx(stats.ttest_rel(b, a).pvalue)


def test_of_many_images_it_is_students():
    generator = np.random.default_rng(2)
    a, b = generator.normal(size=(2, MOST_DRAWN + 1))
    _, low, high, p = difference_of_means(a, b)
    expected = stats.ttest_rel(b, a)
    bounds = expected.confidence_interval()
    assert (low, high) == pytest.approx((bounds.low, bounds.high), rel=1e-9)
    assert p == pytest.approx(expected.pvalue)


def test_of_other_images_it_is_welchs():
    generator = np.random.default_rng(6)
    a, b = generator.gamma(1, size=14), generator.gamma(3, size=11)
    first, second = np.r_[a, np.full(11, np.nan)], np.r_[np.full(14, np.nan), b]
    difference, _, _, p = difference_of_means(first, second)
    assert difference == pytest.approx(b.mean() - a.mean())
    assert p == pytest.approx(stats.ttest_ind(b, a, equal_var=False).pvalue)


@pytest.mark.parametrize("shared", [0, 6, 12])
def test_few_means_are_seldom_told_apart_by_luck(shared: int):
    generator, told, trials = np.random.default_rng(7), 0, 1_000
    for _ in range(trials):
        ease, gap = generator.random(shared), np.full(12 - shared, np.nan)
        a = np.r_[ease + generator.random(shared), generator.random(12 - shared), gap]
        b = np.r_[ease + generator.random(shared), gap, generator.random(12 - shared)]
        told += partly_paired_t(float(np.nanmean(b) - np.nanmean(a)), a, b)[2] <= 0.01
    assert told / trials <= 0.018


@pytest.mark.parametrize("shared", [0, 30, 60])
def test_means_cover_the_truth(shared: int):
    generator, covered, trials = np.random.default_rng(5), 0, 300
    for trial in range(trials):
        ease, gap = generator.gamma(2, size=shared), np.full(60 - shared, np.nan)
        a = np.r_[ease + generator.gamma(1, size=shared), generator.gamma(3, size=60 - shared), gap]
        b = np.r_[ease + generator.gamma(1, size=shared), gap, generator.gamma(3, size=60 - shared)]
        _, low, high, _ = difference_of_means(a, b, seed=trial)
        covered += low <= 0 <= high
    assert 0.91 <= covered / trials <= 0.98


def test_few_and_equal_and_missing_numbers():
    few = difference_of_means([0.1, 0.2, np.nan], [0.3, np.nan, 0.5])
    assert few[0] == pytest.approx(0.25)
    assert np.isnan(few[1:]).all()
    assert np.isnan(difference_of_means([np.nan], [0.3])).all()
    same = np.linspace(0, 1, 12)
    assert difference_of_means(same, same) == pytest.approx((0, 0, 0, 1))
