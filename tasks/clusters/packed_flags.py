"""Truth values of many images, a bit each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PackedFlags:
    """A matrix of truth values that takes an eighth of numpy's memory; a part of its rows is had
    by indexing, as bool of shape (rows, columns).

    bits : uint8, shape (N, ceil(columns / 8))
    """

    bits: npt.NDArray[np.uint8]
    columns: int

    @classmethod
    def of(cls, flags: Bools) -> Self:
        """flags : bool, shape (N, columns)"""
        return cls(np.packbits(flags, axis=1), flags.shape[1])

    @classmethod
    def joined(cls, parts: Sequence[Self], columns: int) -> Self:
        """The rows of all parts, one after the other; each has `columns`."""
        none = np.empty((0, -(-columns // 8)), np.uint8)
        return cls(np.concatenate([none, *(part.bits for part in parts)]), columns)

    def __len__(self) -> int:
        return len(self.bits)

    def __getitem__(self, rows: slice | npt.NDArray[np.int64]) -> Bools:
        return np.unpackbits(self.bits[rows], axis=1, count=self.columns).view(np.bool_)
