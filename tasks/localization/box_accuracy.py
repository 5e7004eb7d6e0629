"""MaxBoxAcc and MaxBoxAccV2: one threshold for the whole dataset, the best one."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from tasks.localization.level_hits import IOUS, level_thresholds
from tasks.localization.one_contour import LEVELS

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class BestThreshold:
    """level : of the 255 different ones
    threshold : the smallest published threshold of that level, in [0, 1)
    hits : images whose box hits there
    """

    level: int
    threshold: float
    hits: int


class BoxAccuracy:
    """How many images' boxes hit at each threshold; associative and order-free.

    images : so far
    hits : int64, shape (3, 255): by IOUS and by level
    """

    def __init__(self) -> None:
        self.images = 0
        self.hits: Integers = np.zeros((len(IOUS), LEVELS), dtype=np.int64)

    def update(self, hits: npt.NDArray[np.bool_]) -> None:
        """Take in N images.

        hits : bool, shape (N, 3, 255), one of the two of `level_hits` of each image
        """
        self.images += len(hits)
        self.hits = self.hits + hits.sum(axis=0, dtype=np.int64)

    def merge(self, other: Self) -> None:
        """Take in all that `other` has seen."""
        self.images += other.images
        self.hits = self.hits + other.hits

    def compute(self) -> dict[float, BestThreshold]:
        """The best threshold for each of IOUS, the smallest of equally good ones. The accuracy
        there is MaxBoxAcc(IoU) of arXiv:2001.07437, eq. 3, or for hits of any contour its part
        of MaxBoxAccV2 (arXiv:2007.04178), which is the mean over IOUS."""
        thresholds = level_thresholds()
        return {
            iou: BestThreshold(
                int(hits.argmax()), float(thresholds[hits.argmax()]), int(hits.max())
            )
            for iou, hits in zip(IOUS, self.hits, strict=True)
        }
