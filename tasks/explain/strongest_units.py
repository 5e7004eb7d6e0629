"""The images that excite each unit most."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class StrongestUnits:
    """Running top k of each unit over images; order-free, ties broken by image_id.

    units : number of units; top_k : images kept for each
    columns : names of further integers kept with each entry (the position, say)
    """

    def __init__(self, units: int, top_k: int, columns: tuple[str, ...]) -> None:
        self.top_k = top_k
        self.activation = np.zeros((units, 0), dtype=np.float32)
        self.image_id = np.zeros((units, 0), dtype=np.int64)
        self.columns = {name: np.zeros((units, 0), dtype=np.int32) for name in columns}

    def update(self, activation: Array, image_id: Array, columns: Mapping[str, Array]) -> None:
        """Take in entries; each argument has shape (units, entries).

        activation : float32, finite; image_id : int64; columns : int32
        """
        activation = np.concatenate([self.activation, activation], axis=1)
        image_id = np.concatenate([self.image_id, image_id], axis=1)
        order = np.lexsort((image_id, -activation), axis=1)[:, : self.top_k]
        self.activation = np.take_along_axis(activation, order, axis=1)
        self.image_id = np.take_along_axis(image_id, order, axis=1)
        self.columns = {
            name: np.take_along_axis(np.concatenate([kept, columns[name]], axis=1), order, axis=1)
            for name, kept in self.columns.items()
        }

    def merge(self, other: Self) -> None:
        """Take in all entries of `other`."""
        self.update(other.activation, other.image_id, other.columns)
