"""A number with its denominator and its interval: no page shows one without the others."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tasks.statistics.intervals import Z_95, wilson_interval


@dataclass(frozen=True)
class Rate:
    """A share of things counted, with its 95 % Wilson interval.

    successes, trials : counts, 0 <= successes <= trials
    """

    successes: int
    trials: int

    @property
    def value(self) -> float:
        """In [0, 1]; NaN where nothing was counted."""
        return self.successes / self.trials if self.trials else float("nan")

    @property
    def low(self) -> float:
        return self._interval[0]

    @property
    def high(self) -> float:
        return self._interval[1]

    @property
    def _interval(self) -> tuple[float, float]:
        return _wilson(self.successes, self.trials)

    @property
    def complement(self) -> "Rate":
        """The share of the rest: the error rate of an accuracy."""
        return Rate(self.trials - self.successes, self.trials)


@dataclass(frozen=True)
class Mean:
    """A mean over images, with its 95 % interval (normal approximation).

    value, low, high : NaN where no image, or for the interval fewer than two, could be counted
    count : images
    """

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Estimate:
    """A number of all `total` things, estimated from the `tested` ones, with its 95 % interval.

    value, low, high : NaN where nothing was tested
    """

    value: float
    low: float
    high: float
    tested: int
    total: int


@lru_cache(maxsize=2**14)  # many classes have the same few images
def _wilson(successes: int, trials: int) -> tuple[float, float]:
    low, high = wilson_interval(successes, trials)
    return float(low), float(high)


def mean_of(values: npt.ArrayLike) -> Mean:
    """Mean of what is finite in `values`, numbers of any shape; missing values are NaN."""
    numbers = np.asarray(values, dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        return Mean(float("nan"), float("nan"), float("nan"), 0)
    mean = float(numbers.mean())
    if numbers.size == 1:
        return Mean(mean, float("nan"), float("nan"), 1)
    half = float(Z_95 * numbers.std(ddof=1) / np.sqrt(numbers.size))
    return Mean(mean, mean - half, mean + half, int(numbers.size))
