"""Quantiles of many quantities at once, from counts that may be added in any order."""

from typing import Self

import numpy as np
import numpy.typing as npt

# Logarithmic bins 10 % wide, as in DDSketch (arXiv:1908.10693): a quantile is right to 5 %.
_GROWTH = 1.1
_SMALLEST, LARGEST = 1e-6, 1e6
_STEPS = int(np.log(LARGEST / _SMALLEST) / np.log(_GROWTH)) + 1
BINS = 2 * _STEPS + 1

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class LogHistogram:
    """How often each of several quantities was how large; associative and order-free.

    Attributes: counts, int64, shape (quantities, BINS), the lowest values first.
    """

    def __init__(self, quantities: int) -> None:
        self.counts = np.zeros((quantities, BINS), dtype=np.int64)

    def update(self, values: npt.NDArray[np.floating]) -> None:
        """Take in N values of each, shape (N, quantities), float, no NaN."""
        quantities = len(self.counts)
        place = np.arange(quantities) * BINS + bin_of(values)
        self.counts += np.bincount(place.ravel(), minlength=quantities * BINS).reshape(-1, BINS)

    def merge(self, other: Self) -> None:
        """Take in all that `other` has seen."""
        self.counts += other.counts

    def quantile(self, q: float) -> Floats:
        """Shape (quantities,): of each the q-th quantile, to 5 % of its value; NaN without any."""
        images = self.counts.sum(axis=1)
        cumulative = self.counts.cumsum(axis=1)
        bins = (cumulative >= np.maximum(q * images, 1)[:, None]).argmax(axis=1)
        return np.where(images > 0, _value_of(bins), np.nan)


def bin_of(values: npt.NDArray[np.floating]) -> Ints:
    """The bin of each value, 0 <= bin < BINS, the lowest values in the first; what is smaller
    than 1e-6 counts as 0, what is larger than 1e6 as that."""
    size = np.clip(np.abs(values), _SMALLEST, LARGEST).astype(np.float64) / _SMALLEST
    steps = np.floor(np.log(size) / np.log(_GROWTH)).astype(np.int64) + 1
    steps = np.where(np.abs(values) < _SMALLEST, 0, np.minimum(steps, _STEPS))
    return _STEPS + np.sign(values).astype(np.int64) * steps


def _value_of(bins: Ints) -> Floats:
    """The middle of a bin, the point whose largest relative error is least."""
    steps = np.abs(bins - _STEPS)
    low = _SMALLEST * _GROWTH ** (steps - 1.0)
    middle = low * 2 * _GROWTH / (1 + _GROWTH)
    return np.where(steps == 0, 0.0, np.sign(bins - _STEPS) * middle)
