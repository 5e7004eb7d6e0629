"""Shares and means over cells against scipy, plain loops and cases done by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import binomtest

from tasks.errors import AuditError
from tasks.findings.cells import tally
from tasks.findings.weighted_means import weighted_mean
from tasks.findings.weighted_shares import weighted_share

NAN = float("nan")
Z = 1.959963984540054


def one_group(inclusion: list[float], values: list[float], correct: list[bool] | None = None):  # type: ignore[no-untyped-def]
    return tally([0] * len(values), correct or [False] * len(values), inclusion, values, 1)


def wilson(hits: float, trials: int) -> tuple[float, float]:
    interval = binomtest(int(hits), trials).proportion_ci(method="wilson")
    return interval.low, interval.high


@pytest.mark.parametrize(("hits", "images"), [(0, 1), (1, 1), (0, 7), (3, 7), (40, 40), (13, 200)])
def test_share_of_a_census_is_wilsons(hits: int, images: int) -> None:
    """Whether taken for certain, or with some of them drawn and all drawn in the end."""
    values = [1.0] * hits + [0.0] * (images - hits)
    for inclusion in ([1.0] * images, [1.0, 0.25] * images):
        found = weighted_share(one_group(inclusion[:images], values))
        assert found.value[0] == hits / images
        assert (found.low[0], found.high[0]) == pytest.approx(wilson(hits, images), abs=1e-9)


@pytest.mark.parametrize(("hits", "tested", "images"), [(2, 5, 50), (7, 10, 400)])
def test_share_of_a_plain_sample_is_wilsons_on_the_sample(
    hits: int, tested: int, images: int
) -> None:
    values = [1.0] * hits + [0.0] * (tested - hits) + [NAN] * (images - tested)
    inclusion = [0.1] * tested + [NAN] * (images - tested)
    found = weighted_share(one_group(inclusion, values))
    assert found.value[0] == pytest.approx(hits / tested)
    assert (found.low[0], found.high[0]) == pytest.approx(wilson(hits, tested), abs=1e-9)


def test_share_by_hand() -> None:
    """6 certain images, 5 of them hits; 14 others, 4 tested, 1 a hit."""
    inclusion = [1.0] * 6 + [0.3] * 4 + [NAN] * 10
    values = [1.0] * 5 + [0.0] + [1.0] + [0.0] * 3 + [NAN] * 10
    found = weighted_share(one_group(inclusion, values))
    assert found.value[0] == pytest.approx((5 + 14 * 1 / 4) / 20)
    smooth_certain, smooth_other = (5 + Z**2 / 2) / (6 + Z**2), (1 + Z**2 / 2) / (4 + Z**2)
    smooth = 0.3 * smooth_certain + 0.7 * smooth_other
    sampled = 0.7**2 * smooth_other * (1 - smooth_other) * (1 / 4 - 1 / 14)
    n = 1 / (1 / 20 + sampled / (smooth * (1 - smooth)))
    p = 8.5 / 20
    centre, half = p + Z**2 / (2 * n), Z * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    low, high = (centre - half) / (1 + Z**2 / n), (centre + half) / (1 + Z**2 / n)
    assert (found.low[0], found.high[0]) == pytest.approx((low, high), abs=1e-12)


def test_untested_others_leave_open_all_that_they_could_be() -> None:
    found = weighted_share(one_group([1.0] * 4 + [NAN] * 6, [1.0, 1, 1, 0] + [NAN] * 6))
    assert found.value[0] == pytest.approx(3 / 10)
    assert found.low[0] == pytest.approx(wilson(3, 10)[0])
    assert found.high[0] == pytest.approx(wilson(9, 10)[1])


def test_one_tested_image_of_many_cannot_rule_out_what_remains_possible() -> None:
    """1 of 2 drawn: never below what the certain hits alone give."""
    found = weighted_share(one_group([1.0] * 8 + [0.5, NAN], [1.0] * 8 + [0.0, NAN]))
    assert found.low[0] >= wilson(8, 10)[0] - 1e-12
    assert found.high[0] <= wilson(9, 10)[1] + 1e-12


def test_nothing_tested_is_no_share_and_the_widest_interval() -> None:
    cells = one_group([NAN] * 5, [NAN] * 5)
    share, mean = weighted_share(cells), weighted_mean(cells)
    assert math.isnan(share.value[0]) and (share.low[0], share.high[0]) == (0, 1)
    assert math.isnan(mean.value[0]) and (mean.low[0], mean.high[0]) == (-1, 1)


def test_no_image_is_no_interval() -> None:
    cells = tally([1, 1], [False] * 2, [1.0, 1.0], [1.0, 0.0], 3)
    for found in (weighted_share(cells), weighted_mean(cells)):
        for numbers in (found.value, found.low, found.high):
            assert np.isnan(numbers).tolist() == [True, False, True]


def test_unequal_inclusion_is_hajeks_mean() -> None:
    inclusion, values = [0.5, 0.25, 0.1, NAN], [1.0, 0.0, 1.0, NAN]
    cells = one_group(inclusion, values)
    weights = [2.0, 4.0, 10.0]
    assert cells.mean[0, 1] == pytest.approx((2 + 10) / 16)
    assert cells.effective[0, 1] == pytest.approx(16**2 / (4 + 16 + 100))
    spread = sum(w * (v - 0.75) ** 2 for w, v in zip(weights, values[:3], strict=True)) / 16
    assert cells.deviations[0, 1] == pytest.approx(cells.effective[0, 1] * spread)


def test_a_test_without_a_value_counts_as_untested() -> None:
    cells = one_group([1.0, 1.0, 0.5], [0.4, NAN, NAN])
    assert cells.images[0].tolist() == [2, 1, 0, 0]
    assert cells.tested[0].tolist() == [1, 0, 0, 0]


def test_mistakes_and_correct_are_weighted_by_their_number() -> None:
    """3 mistakes (1 of 2 others tested), 7 correct (2 of 7 tested)."""
    correct = [False] * 3 + [True] * 7
    inclusion = [1.0, 0.5, NAN] + [0.25, 0.25] + [NAN] * 5
    values = [0.0, 1.0, NAN] + [1.0, 0.5] + [NAN] * 5
    found = weighted_share(one_group(inclusion, values, correct))
    assert found.value[0] == pytest.approx((0 + 2 * 1 + 7 * 0.75) / 10)


def slow_mean(certain: list[float], drawn: list[float], untested: int) -> tuple[float, ...]:
    """The docstring of `weighted_mean` in plain Python; each kind non-empty."""
    images = len(certain) + len(drawn) + untested
    sizes = (len(certain), len(drawn) + untested)
    means = [sum(part) / len(part) for part in (certain, drawn)]
    value = sum(size * mean for size, mean in zip(sizes, means, strict=True)) / images
    total, uncertain = 0.0, 0.0
    for part, size, mean in zip((certain, drawn), sizes, means, strict=True):
        squares = sum((x - mean) ** 2 for x in part) + 4 * 0.35**2
        freedom = len(part) - 1 + 4
        share, variance = size / images, squares / freedom
        term = share * variance / images + share**2 * variance * (1 / len(part) - 1 / size)
        uncertain += term**2 / freedom
        total += term + share * (mean - value) ** 2 / images
    half = stats.t(total**2 / uncertain).ppf(0.975) * math.sqrt(total)
    return value, max(value - half, -1), min(value + half, 1)


GAPS = st.lists(st.floats(-1, 1, width=16), min_size=1, max_size=6)


@settings(deadline=None)
@given(GAPS, GAPS, st.integers(0, 9))
def test_mean_equals_plain_loops(certain: list[float], drawn: list[float], untested: int) -> None:
    inclusion = [1.0] * len(certain) + [0.5] * len(drawn) + [NAN] * untested
    found = weighted_mean(one_group(inclusion, [*certain, *drawn] + [NAN] * untested))
    expected = slow_mean(certain, drawn, untested)
    assert (found.value[0], found.low[0], found.high[0]) == pytest.approx(expected, abs=1e-9)


def test_mean_takes_an_unknown_cell_for_anything() -> None:
    found = weighted_mean(one_group([1.0] * 50 + [NAN] * 50, [0.5] * 50 + [NAN] * 50))
    assert found.value[0] == pytest.approx(0.25)
    assert found.low[0] < (0.5 - 1) / 2 and found.high[0] > (0.5 + 1) / 2


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-1, 2),
            st.booleans(),
            st.sampled_from([1.0, 0.3, NAN]),
            st.sampled_from([0.0, 0.5, 1.0, NAN]),
        ),
        max_size=25,
    )
)
def test_bounds_enclose_the_estimate(rows: list[tuple[int, bool, float, float]]) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
    cells = tally(*columns, 3)
    for found in (weighted_share(cells), weighted_mean(cells)):
        known = ~np.isnan(found.value)
        assert (found.low[known] <= found.value[known] + 1e-12).all()
        assert (found.value[known] <= found.high[known] + 1e-12).all()
        some = cells.images.sum(axis=1) > 0
        assert np.isfinite(found.low[some]).all() and np.isfinite(found.high[some]).all()


@pytest.mark.parametrize("wrong", [0.0, -0.1, 1.5, math.inf])
def test_no_probability_is_an_error(wrong: float) -> None:
    with pytest.raises(AuditError, match=r"inclusion is a probability in \(0, 1\]"):
        one_group([0.5, wrong], [1.0, 1.0])
