"""What each unit does over the whole dataset."""

from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.statistics.exact_sum import ExactSum
from tasks.tables.schemas import UNIT_STATS

# Logarithmic bins 10 % wide, as in DDSketch (arXiv:1908.10693): a quantile is right to 5 %.
_GROWTH = 1.1
_SMALLEST, _LARGEST = 1e-6, 1e6
_BINS = int(np.log(_LARGEST / _SMALLEST) / np.log(_GROWTH)) + 1
_QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)

Floats = npt.NDArray[np.float64]


class UnitStats:
    """Running statistics of the spatial means of units; associative and order-free."""

    def __init__(self, units: int, num_classes: int) -> None:
        self._images = 0
        self._alive = np.zeros(units, dtype=np.int64)
        self._sum = ExactSum((units,))
        self._squares = ExactSum((units,))
        self._histogram = np.zeros((units, 2 * _BINS + 1), dtype=np.int64)
        self._class_images = np.zeros(num_classes, dtype=np.int64)
        self._class_sum = ExactSum((num_classes, units))

    def update(self, pooled: Floats, labels: npt.NDArray[np.int64]) -> None:
        """Take in N images.

        pooled : float64, shape (N, units); labels : int64, shape (N,), -1 where unknown
        """
        pooled = np.nan_to_num(pooled, posinf=_LARGEST, neginf=-_LARGEST)  # NaN: not excited
        images, units = pooled.shape
        unit = np.broadcast_to(np.arange(units), (images, units))
        self._images += images
        self._alive += (pooled > 0).sum(axis=0)
        self._sum.update(unit, pooled)
        self._squares.update(unit, pooled**2)
        np.add.at(self._histogram, (unit, _bin_of(pooled)), 1)
        known = labels >= 0
        np.add.at(self._class_images, labels[known], 1)
        self._class_sum.update((labels[known][:, None], unit[known]), pooled[known])

    def merge(self, other: Self) -> None:
        """Take in all that `other` has seen."""
        self._images += other._images
        self._alive += other._alive
        self._histogram += other._histogram
        self._class_images += other._class_images
        for mine, its in (
            (self._sum, other._sum),
            (self._squares, other._squares),
            (self._class_sum, other._class_sum),
        ):
            mine.merge(its)

    def compute(self, target_layer: str) -> pa.Table:
        """A table of schema UNIT_STATS."""
        units = len(self._alive)
        count = max(self._images, 1)
        mean = self._sum.compute() / count
        variance = np.maximum(self._squares.compute() / count - mean**2, 0)
        selectivity, selective_class = self._selectivity()
        quantiles = {
            f"quantile_{int(100 * q):02d}": self._quantile(q).astype(np.float32) for q in _QUANTILES
        }
        columns = {
            "target_layer": pa.repeat(target_layer, units),
            "unit": np.arange(units, dtype=np.int32),
            "images": np.full(units, self._images),
            "mean": mean,
            "variance": variance,
            **quantiles,
            "dead_share": 1 - self._alive / count,
            "selectivity": pa.array(selectivity, from_pandas=True),
            "selective_class_idx": selective_class,
        }
        return pa.table(columns, schema=UNIT_STATS)

    def _selectivity(self) -> tuple[Floats, npt.NDArray[np.int32]]:
        """(m - r) / (m + r), m the highest class mean, r the mean of the other class means."""
        seen = self._class_images > 0
        units = len(self._alive)
        if seen.sum() < 2:
            return np.full(units, np.nan), np.full(units, -1, dtype=np.int32)
        means = self._class_sum.compute()[seen] / self._class_images[seen, None]
        highest = means.max(axis=0)
        rest = (means.sum(axis=0) - highest) / (len(means) - 1)
        usable = (rest >= 0) & (highest > 0)
        index = np.where(usable, (highest - rest) / np.where(usable, highest + rest, 1), np.nan)
        return index, np.flatnonzero(seen)[means.argmax(axis=0)].astype(np.int32)

    def _quantile(self, q: float) -> Floats:
        cumulative = self._histogram.cumsum(axis=1)
        bins = (cumulative >= max(q * self._images, 1)).argmax(axis=1)
        return _value_of(bins) if self._images else np.full(len(bins), np.nan)


def _bin_of(values: Floats) -> npt.NDArray[np.int64]:
    size = np.clip(np.abs(values), _SMALLEST, _LARGEST) / _SMALLEST
    steps = np.floor(np.log(size) / np.log(_GROWTH)).astype(np.int64) + 1
    steps = np.where(np.abs(values) < _SMALLEST, 0, np.minimum(steps, _BINS))
    return _BINS + np.sign(values).astype(np.int64) * steps


def _value_of(bins: npt.NDArray[np.int64]) -> Floats:
    """The middle of a bin, the point whose largest relative error is least."""
    steps = np.abs(bins - _BINS)
    low = _SMALLEST * _GROWTH ** (steps - 1.0)
    middle = low * 2 * _GROWTH / (1 + _GROWTH)
    return np.where(steps == 0, 0.0, np.sign(bins - _BINS) * middle)
