"""Hits of the map and of the centre baseline, image by image, counted per class."""

from typing import Self

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class FigureCounts:
    """How often the map hits, the centre map, and both; associative and order-free.

    figures : how many kinds of hit are counted
    images : int64, shape (classes,)
    by_map, by_centre, by_both : int64, shape (classes, figures)
    """

    def __init__(self, classes: int, figures: int) -> None:
        self.images: Integers = np.zeros(classes, dtype=np.int64)
        self.by_map: Integers = np.zeros((classes, figures), dtype=np.int64)
        self.by_centre: Integers = np.zeros((classes, figures), dtype=np.int64)
        self.by_both: Integers = np.zeros((classes, figures), dtype=np.int64)

    def update(self, labels: Integers, by_map: Bools, by_centre: Bools) -> None:
        """Take in N images.

        labels : int64, shape (N,), in [0, classes)
        by_map, by_centre : bool, shape (N, figures)
        """
        np.add.at(self.images, labels, 1)
        np.add.at(self.by_map, labels, by_map)
        np.add.at(self.by_centre, labels, by_centre)
        np.add.at(self.by_both, labels, by_map & by_centre)

    def merge(self, other: Self) -> None:
        """Take in all that `other` has seen."""
        self.images = self.images + other.images
        self.by_map = self.by_map + other.by_map
        self.by_centre = self.by_centre + other.by_centre
        self.by_both = self.by_both + other.by_both
