"""Average precision against a slow loop and against scikit-learn; McNemar's test by counting."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from tasks.errors import AuditError
from tasks.statistics.average_precision import average_precision, bootstrap_average_precision
from tasks.statistics.mcnemar import compare_paired, mcnemar_p_value


def slow(positive: list[bool], scores: list[float], counts: list[int]) -> float:
    """The area of the steps, one distinct score after the other."""
    total = sum(n for n, p in zip(counts, positive, strict=True) if p)
    area, recall_before = 0.0, 0.0
    for border in sorted(set(scores), reverse=True):
        seen = hits = 0
        for p, s, n in zip(positive, scores, counts, strict=True):
            if s >= border:
                seen += n
                hits += n if p else 0
        if seen:
            area += (hits / total - recall_before) * hits / seen
            recall_before = hits / total
    return area


rankings = st.lists(
    st.tuples(st.booleans(), st.integers(-3, 3).map(float), st.integers(0, 3)),
    min_size=1, max_size=25,
).filter(lambda rows: any(p and n for p, _, n in rows))  # fmt: skip


@given(rankings)
def test_it_is_the_loop_and_scikit_learn(rows: list[tuple[bool, float, int]]) -> None:
    positive, scores, counts = (list(column) for column in zip(*rows, strict=True))
    value = average_precision(positive, scores, counts)
    assert value == pytest.approx(slow(positive, scores, counts), abs=1e-12)
    assert value == pytest.approx(
        average_precision_score(positive, scores, sample_weight=counts), abs=1e-12
    )


def test_a_perfect_and_the_worst_ranking() -> None:
    positive = [True, True, False, False, False]
    assert average_precision(positive, [5, 4, 3, 2, 1]) == 1
    assert average_precision(positive, [1, 2, 3, 4, 5]) == pytest.approx((1 / 4 + 2 / 5) / 2)
    assert average_precision(positive, [0, 0, 0, 0, 0]) == 2 / 5  # all tied: the base rate
    assert math.isnan(average_precision([False, False], [1, 2]))


def test_the_interval_is_that_of_resampled_images() -> None:
    generator = np.random.default_rng(3)
    positive = generator.random(60) < 0.3
    scores = positive + generator.normal(size=60)
    estimate = bootstrap_average_precision(positive, scores, resamples=400, seed=5)
    assert estimate.value == pytest.approx(average_precision_score(positive, scores))
    drawer, values = np.random.default_rng(5), []
    for _ in range(400):
        chosen = drawer.integers(0, 60, 60)
        values.append(average_precision_score(positive[chosen], scores[chosen]))
    low, high = np.quantile(values, [0.025, 0.975])
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=1e-12)
    assert estimate.images == 60


def test_draws_without_a_positive_are_left_out() -> None:
    estimate = bootstrap_average_precision([True] + [False] * 3, [4, 3, 2, 1], seed=0)
    assert (estimate.value, estimate.low, estimate.high) == (1, 1, 1)


@pytest.mark.parametrize(("own", "other"), [(0, 0), (3, 3), (5, 1), (0, 6), (2, 7)])
def test_mcnemar_counts_all_ways(own: int, other: int) -> None:
    n = own + other
    as_far = sum(
        abs(sum(way) - n / 2) >= abs(own - n / 2) for way in product((0, 1), repeat=n)
    )  # fmt: skip
    assert mcnemar_p_value(own, other) == pytest.approx(as_far / 2**n)


def test_paired_answers_are_counted_image_by_image() -> None:
    own = np.array([True, True, True, False, False, True])
    other = np.array([True, False, False, True, False, False])
    paired = compare_paired(own, other)
    assert (paired.only_own, paired.only_reference) == (3, 1)
    assert paired.difference == pytest.approx(4 / 6 - 2 / 6)
    assert paired.p_value == pytest.approx(2 * (1 + 4) / 16)
    assert paired.low <= paired.difference <= paired.high


def test_answers_that_do_not_pair() -> None:
    with pytest.raises(AuditError, match="one length"):
        compare_paired(np.array([True]), np.array([True, False]))
    with pytest.raises(AuditError, match="right or wrong"):
        compare_paired(np.array([1.0]), np.array([True]))
