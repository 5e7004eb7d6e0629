"""How well each unit's peak tells the images of one class from all others."""

from typing import Self

import numpy as np
import numpy.typing as npt

from tasks.statistics.log_histogram import BINS, LARGEST, bin_of

COARSE_BINS = 64

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_ZERO = BINS // 2


class ClassPeaks:
    """Running counts of peaks by class, unit and bin; associative and order-free.

    The bins are those of `LogHistogram`, joined unit by unit until there are at most 64, which
    hold about as many images each; zero is never joined with another.

    counts : int64, shape (units, BINS): how often each unit's peak was how large over all
        images, of `LogHistogram`; any other counts would do, but give a larger error
    classes : groups of images, by their label
    """

    def __init__(self, counts: Ints, classes: int) -> None:
        self._coarse = _coarse_bins(counts)
        self._counts = np.zeros((classes, len(counts), COARSE_BINS), dtype=np.uint32)

    @staticmethod
    def bytes_per_unit(classes: int) -> int:
        """What one unit takes of memory."""
        return classes * COARSE_BINS * 4

    def update(self, peaks: npt.NDArray[np.float32], groups: Ints) -> None:
        """Take in N images with labels.

        peaks : float32, shape (N, units); groups : int64, shape (N,), of the class
        """
        peaks = np.nan_to_num(peaks, posinf=LARGEST, neginf=-LARGEST)  # NaN: not excited
        units = np.arange(peaks.shape[1])
        coarse = self._coarse[units, bin_of(peaks)]
        # No place is named twice by one image, so that plain addition counts right.
        for group, bins in zip(groups.tolist(), coarse, strict=True):
            self._counts[group, units, bins] += 1

    def merge(self, other: Self) -> None:
        """Take in all that `other` has seen, which has the same bins."""
        self._counts += other._counts

    def compute(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """AUROC of each class against the images of all others, and by how much it may be wrong:
        half the chance that one image of each kind shares a bin, for within a bin nothing is known
        but that half is what equals count. Zeros are equals.

        Returns: two float32 arrays of shape (classes, units); NaN where there are no others.
        """
        total = self._counts.sum(axis=0, dtype=np.int64)
        shape = self._counts.shape[:2]
        auroc, error = (np.full(shape, np.nan, dtype=np.float32) for _ in range(2))
        exact = np.zeros(total.shape, dtype=bool)
        np.put_along_axis(exact, self._coarse[:, _ZERO][:, None], True, axis=1)
        for group, counts in enumerate(self._counts):
            rest = total - counts
            pairs = counts.sum(axis=1, dtype=np.float64) * rest.sum(axis=1)
            if not pairs.all():
                continue
            below = rest.cumsum(axis=1) - rest
            auroc[group] = (counts * (below + rest / 2)).sum(axis=1) / pairs
            error[group] = np.where(exact, 0, counts * (rest / 2)).sum(axis=1) / pairs
        return auroc, error


def _coarse_bins(counts: Ints) -> npt.NDArray[np.uint8]:
    """Shape (units, BINS): of each bin the one of at most 64 that it becomes part of."""
    negative, positive = counts[:, :_ZERO], counts[:, _ZERO + 1 :]
    below, above = negative.sum(axis=1), positive.sum(axis=1)
    # 62 bins are shared out between the negative and the positive; zero has its own.
    of_negative = np.rint((COARSE_BINS - 3) * below / np.maximum(below + above, 1)).astype(int) + 1
    of_negative = np.where(below == 0, 0, of_negative)
    of_positive = COARSE_BINS - 1 - of_negative
    low = _equal_shares(negative, of_negative)
    high = _equal_shares(positive, of_positive) + of_negative[:, None] + 1
    coarse = np.concatenate([low, of_negative[:, None], high], axis=1)
    return coarse.astype(np.uint8)


def _equal_shares(counts: Ints, shares: Ints) -> Ints:
    before = counts.cumsum(axis=1) - counts
    total = np.maximum(counts.sum(axis=1), 1)
    return np.minimum(
        before * shares[:, None] // total[:, None], np.maximum(shares - 1, 0)[:, None]
    )
