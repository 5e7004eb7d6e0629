"""What the units' peaks do over the whole dataset."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.mining.unit_stats import QUANTILES
from tasks.statistics.exact_sum import ExactSum
from tasks.statistics.log_histogram import LARGEST, LogHistogram

Floats = npt.NDArray[np.float64]


class PeakStats:
    """Running statistics of the largest cell of each unit; associative and order-free.

    units : of all layers; classes : groups of images, by their label

    Attributes: images, int; silent, int64, shape (units,), the images in which no cell of the
    unit is above 0; histogram, of the peaks.
    """

    def __init__(self, units: int, classes: int) -> None:
        self.images = 0
        self.silent = np.zeros(units, dtype=np.int64)
        self._least = np.full(units, np.inf, dtype=np.float32)
        self._largest = np.full(units, -np.inf, dtype=np.float32)
        self.histogram = LogHistogram(units)
        self._class_sum = ExactSum((classes, units))

    def update(self, peaks: npt.NDArray[np.float32], groups: npt.NDArray[np.int64]) -> None:
        """Take in N images.

        peaks : float32, shape (N, units); groups : int64, shape (N,), the number of the class,
            -1 without a label
        """
        peaks = np.nan_to_num(peaks, posinf=LARGEST, neginf=-LARGEST)  # NaN: not excited
        self.images += len(peaks)
        self.silent += (peaks <= 0).sum(axis=0)
        self._least = np.minimum(self._least, peaks.min(axis=0, initial=np.inf))
        self._largest = np.maximum(self._largest, peaks.max(axis=0, initial=-np.inf))
        known = groups >= 0
        self.histogram.update(peaks)
        self._class_sum.update_rows(groups[known], peaks[known])

    def merge(self, other: Self) -> None:
        """Take in all that `other` has seen."""
        self.images += other.images
        self.silent += other.silent
        self._least = np.minimum(self._least, other._least)
        self._largest = np.maximum(self._largest, other._largest)
        self.histogram.merge(other.histogram)
        self._class_sum.merge(other._class_sum)

    def compute(self) -> dict[str, Any]:
        """The columns of UNIT_STATS from `peak_least` on."""
        seen = np.full(len(self.silent), self.images > 0)
        return {
            "peak_least": pa.array(self._least, mask=~seen),
            **{
                f"peak_{name}": pa.array(self.histogram.quantile(q), from_pandas=True)
                for name, q in QUANTILES.items()
            },
            "peak_largest": pa.array(self._largest, mask=~seen),
            "silent_share": pa.array(self.silent / max(self.images, 1), mask=~seen),
            "dead": pa.array(self.silent == self.images, mask=~seen),
        }

    def class_sums(self) -> Floats:
        """Shape (classes, units): the sum of the peaks over the images of each class."""
        return self._class_sum.compute()
