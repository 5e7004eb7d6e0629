"""The interval of the difference of two rates over the same images."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.statistics.paired_rates import paired_difference_interval
from tests.reference import wilson


def restated(a: int, b: int, c: int, d: int) -> tuple[float, float]:
    """Newcombe's method 10 from the cells both, first alone, second alone, neither."""
    n = a + b + c + d
    p_1, p_2 = (a + b) / n, (a + c) / n
    (low_1, high_1), (low_2, high_2) = wilson(a + b, n), wilson(a + c, n)
    product = a * d - b * c
    top = max(product - n / 2, 0) if product > 0 else product
    below = math.sqrt((a + b) * (c + d) * (a + c) * (b + d))
    phi = top / below if below else 0.0
    d_1, u_1, d_2, u_2 = p_1 - low_1, high_1 - p_1, p_2 - low_2, high_2 - p_2
    low = math.sqrt(max(d_1**2 - 2 * phi * d_1 * u_2 + u_2**2, 0))
    high = math.sqrt(max(u_1**2 - 2 * phi * u_1 * d_2 + d_2**2, 0))
    return max(p_1 - p_2 - low, -1), min(p_1 - p_2 + high, 1)


cells = st.integers(0, 60)


@given(cells, cells, cells, cells)
def test_it_is_newcombes(a, b, c, d):
    if a + b + c + d == 0:
        return
    low, high = paired_difference_interval(a + b, a + c, a, a + b + c + d)
    assert (float(low), float(high)) == pytest.approx(restated(a, b, c, d), abs=1e-9)


def test_it_covers_the_true_difference():
    rng = np.random.default_rng(1)
    tables = rng.multinomial(80, [0.45, 0.15, 0.1, 0.3], size=4000)
    both, first, second, _ = tables.T
    low, high = paired_difference_interval(both + first, both + second, both, 80)
    assert 0.94 < np.mean((low <= 0.05) & (high >= 0.05)) < 0.98


def test_without_images_there_is_none():
    low, high = paired_difference_interval(0, 0, 0, 0)
    assert math.isnan(low) and math.isnan(high)
