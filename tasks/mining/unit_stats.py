"""What the units' spatial means do over the whole dataset."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.statistics.exact_sum import ExactSum
from tasks.statistics.log_histogram import LARGEST, LogHistogram

QUANTILES = {f"quantile_{percent:02d}": percent / 100 for percent in (5, 25, 50, 75, 95)}

Floats = npt.NDArray[np.float64]


class UnitStats:
    """Running statistics of the spatial means of units; associative and order-free."""

    def __init__(self, units: int, num_classes: int) -> None:
        self._images = 0
        self._alive = np.zeros(units, dtype=np.int64)
        self._sum = ExactSum((1, units))
        self._squares = ExactSum((1, units))
        self._histogram = LogHistogram(units)
        self._class_images = np.zeros(num_classes, dtype=np.int64)
        self._class_sum = ExactSum((num_classes, units))

    def update(self, pooled: Floats, labels: npt.NDArray[np.int64]) -> None:
        """Take in N images.

        pooled : float64, shape (N, units); labels : int64, shape (N,), -1 where unknown
        """
        pooled = np.nan_to_num(pooled, posinf=LARGEST, neginf=-LARGEST)  # NaN: not excited
        one_row = np.zeros(len(pooled), dtype=np.int64)
        self._images += len(pooled)
        self._alive += (pooled > 0).sum(axis=0)
        self._sum.update_rows(one_row, pooled)
        self._squares.update_rows(one_row, pooled**2)
        self._histogram.update(pooled)
        known = labels >= 0
        np.add.at(self._class_images, labels[known], 1)
        self._class_sum.update_rows(labels[known], pooled[known])

    def merge(self, other: Self) -> None:
        """Take in all that `other` has seen."""
        self._images += other._images
        self._alive += other._alive
        self._class_images += other._class_images
        self._histogram.merge(other._histogram)
        for mine, its in (
            (self._sum, other._sum),
            (self._squares, other._squares),
            (self._class_sum, other._class_sum),
        ):
            mine.merge(its)

    def compute(self) -> dict[str, Any]:
        """The columns of UNIT_STATS from `images` to `selective_class_idx`."""
        units = len(self._alive)
        count = max(self._images, 1)
        mean = self._sum.compute()[0] / count
        variance = np.maximum(self._squares.compute()[0] / count - mean**2, 0)
        selectivity, selective_class = self._selectivity()
        return {
            "images": np.full(units, self._images),
            "mean": mean,
            "variance": variance,
            **{name: self._histogram.quantile(q) for name, q in QUANTILES.items()},
            "dead_share": 1 - self._alive / count,
            "selectivity": pa.array(selectivity, from_pandas=True),
            "selective_class_idx": selective_class,
        }

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
