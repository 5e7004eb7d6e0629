"""p-values against scipy, enumeration and simulation."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tasks.findings.exact_tests import sign_flip_p_value, stratified_fisher_p_value
from tasks.findings.multiplicity import q_values


@settings(deadline=None)
@given(st.lists(st.sampled_from([-0.875, -0.25, 0.0, 0.125, 0.375, 0.75]), min_size=4, max_size=9))
def test_sign_flips_equal_scipy(gaps: list[float]) -> None:
    """Gaps that are exact in binary: scipy takes sums apart that differ by rounding."""
    expected = stats.permutation_test(
        (np.array(gaps),), np.mean, permutation_type="samples", alternative="greater",
        n_resamples=2**10, vectorized=True,
    )  # fmt: skip
    assert sign_flip_p_value(gaps) == pytest.approx(expected.pvalue, abs=1e-12)


def test_sign_flips_by_hand() -> None:
    """+-4 +-1 +-1 +-1 is at least 5 for 4 and any signs of which two are positive: 4 of 16."""
    assert sign_flip_p_value([0.4, 0.1, 0.1, -0.1]) == 4 / 16
    assert sign_flip_p_value([0.1, 0.1, 0.1, -0.1]) == 5 / 16


def test_few_or_empty_gaps_prove_nothing() -> None:
    assert sign_flip_p_value([0.9, 0.9, 0.9]) == 1
    assert sign_flip_p_value([]) == 1
    assert sign_flip_p_value([0.0] * 50) == 1
    assert sign_flip_p_value([0.9] * 4) == 1 / 16


@pytest.mark.parametrize("images", [17, 40, 300])
def test_bound_is_above_and_near_the_truth(images: int) -> None:
    """Equal gaps: the number of positive signs is binomial."""
    for positive in range(images // 2, images + 1):
        gaps = [0.5] * positive + [-0.5] * (images - positive)
        truth = stats.binom.sf(positive - 1, images, 0.5)
        found = sign_flip_p_value(gaps)
        assert truth <= found <= 1
        if 1e-9 < truth < 0.05 and images > 40:
            assert found < 8 * truth


def test_chance_is_seldom_significant() -> None:
    """Symmetric gaps with heavy tails."""
    rng = np.random.default_rng(0)
    for images in (4, 6, 12, 20, 60):
        p = [sign_flip_p_value(rng.standard_t(1.5, images).clip(-1, 1)) for _ in range(600)]
        assert np.mean(np.array(p) <= 0.1) <= 0.1 + 0.035
        assert np.mean(np.array(p) <= 0.02) <= 0.02 + 0.018


def test_p_value_is_never_zero() -> None:
    assert 0 < sign_flip_p_value(np.ones(10_000)) < 1e-300
    p = stratified_fisher_p_value([900], [900], [900], [90_000])
    assert 0 < p < 1e-300


@pytest.mark.parametrize(
    ("hits", "tested", "all_hits", "all_tested"), [(3, 5, 4, 12), (0, 4, 3, 9), (7, 7, 9, 30)]
)
def test_one_stratum_equals_fishers_test(
    hits: int, tested: int, all_hits: int, all_tested: int
) -> None:
    others = all_tested - tested
    table = [[hits, tested - hits], [all_hits - hits, others - (all_hits - hits)]]
    expected = stats.fisher_exact(table, alternative="greater").pvalue
    tables = ([hits], [tested], [all_hits], [all_tested])
    assert stratified_fisher_p_value(*tables) == pytest.approx(expected, rel=1e-9)
    beside_an_empty_one = ([*table, 0] for table in tables)
    assert stratified_fisher_p_value(*beside_an_empty_one) == pytest.approx(expected, rel=1e-9)


def test_two_strata_equal_enumeration() -> None:
    """Every way to choose which of the tested images are the group's, stratum by stratum."""
    strata = [(2, [1, 1, 0, 0, 0]), (3, [1, 0, 1, 1, 0, 0])]
    ways = [
        [sum(values[i] for i in range(len(values)) if mask >> i & 1)
         for mask in range(2 ** len(values)) if mask.bit_count() == size]
        for size, values in strata
    ]  # fmt: skip
    totals = [sum(way) for way in product(*ways)]
    for first, second in product(range(3), range(4)):
        expected = np.mean([total >= first + second for total in totals])
        found = stratified_fisher_p_value([first, second], [2, 3], [2, 3], [5, 6])
        assert found == pytest.approx(expected, abs=1e-12)


def test_few_on_either_side_prove_nothing() -> None:
    assert stratified_fisher_p_value([3], [3], [3], [100]) == 1
    assert stratified_fisher_p_value([97], [97], [97], [100]) == 1
    assert stratified_fisher_p_value([0, 0], [0, 0], [0, 0], [0, 0]) == 1


def test_q_values_by_hand() -> None:
    assert q_values([0.01, 0.04, 0.03, 0.5]).tolist() == pytest.approx(
        [0.04, 0.04 * 4 / 3, 0.04 * 4 / 3, 0.5]
    )
    assert q_values([]).shape == (0,)
    with pytest.raises(ValueError, match="between 0 and 1"):
        q_values([0.1, float("nan")])
