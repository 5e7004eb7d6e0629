"""PxAP: average precision of pixels as object or not, over the whole dataset."""

from typing import Self

import numpy as np
import numpy.typing as npt

from tasks.errors import AuditError

# [0, .001), ..., [.999, 1), [1, 2), [2, 3] of `MaskEvaluator` of clovaai/wsolevaluation.
_EDGES = np.append(np.arange(0, 1, 0.001), [1.0, 2.0, 3.0])
BINS = len(_EDGES) - 1

Integers = npt.NDArray[np.int64]


def score_bins(scores: npt.NDArray[np.float64]) -> Integers:
    """The bin of each score, as numpy.histogram finds it.

    scores : float64, in [0, 1]

    Returns: int64, same shape, in [0, 1002).

    Raises: AuditError for scores outside [0, 1] and for NaN.
    """
    if not (scores.min() >= 0 and scores.max() <= 1):
        raise AuditError(
            f"scores must lie in [0, 1], got [{scores.min()}, {scores.max()}]. Pass the map "
            "through `normalise`"
        )
    guess = np.minimum((scores * 1000).astype(np.int64), 1000)
    # The product may be rounded across an edge, by one bin at most.
    guess = guess - (scores < _EDGES[guess])
    bins: Integers = guess + (scores >= _EDGES[guess + 1])
    return bins


class PixelPrecision:
    """How the scores of pixels on and off the object are spread; associative and order-free.

    images : so far
    on, off : int64, shape (1002,), pixels of the object and others by the bin of their score
    """

    def __init__(self) -> None:
        self.images = 0
        self.on: Integers = np.zeros(BINS, dtype=np.int64)
        self.off: Integers = np.zeros(BINS, dtype=np.int64)

    def update(self, bins: Integers, mask: npt.NDArray[np.bool_]) -> None:
        """Take in one image.

        bins : int64, shape (rows, cols), from `score_bins`
        mask : bool, same shape, the object
        """
        total = np.bincount(bins.ravel(), minlength=BINS)
        on = np.bincount(bins[mask], minlength=BINS)
        self.add(1, on, total - on)

    def merge(self, other: Self) -> None:
        """Take in all that `other` has seen."""
        self.add(other.images, other.on, other.off)

    def add(self, images: int, on: Integers, off: Integers) -> None:
        """Take in counts of so many images, as `images`, `on` and `off` of another hold them."""
        self.images += images
        self.on, self.off = self.on + on, self.off + off

    def compute(self) -> float:
        """PxAP of arXiv:2001.07437, eq. 6: sum of precision x gain in recall from the highest
        score to the lowest; NaN without a pixel on an object."""
        true, false = self.on[::-1].cumsum(), self.off[::-1].cumsum()
        if not true[-1]:
            return float("nan")
        gain = np.diff(true / true[-1])
        precision = true / np.maximum(true + false, 1)
        return float((precision[1:] * gain).sum())
