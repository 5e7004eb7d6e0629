"""Wilson's interval against scipy."""

import numpy as np
import pytest
from scipy.stats import binomtest

from tasks.statistics.intervals import wilson_interval


@pytest.mark.parametrize(
    ("successes", "trials"), [(0, 1), (1, 1), (0, 50), (50, 50), (321, 500), (1, 10**6), (7, 13)]
)
def test_equals_scipy(successes: int, trials: int) -> None:
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    low, high = wilson_interval(successes, trials)
    assert float(low) == pytest.approx(expected.low, abs=1e-12)
    assert float(high) == pytest.approx(expected.high, abs=1e-12)


def test_no_trials_is_no_interval() -> None:
    low, high = wilson_interval([0, 3], [0, 6])
    assert np.isnan(low[0]) and np.isnan(high[0])
    assert 0 < low[1] < 0.5 < high[1] < 1
