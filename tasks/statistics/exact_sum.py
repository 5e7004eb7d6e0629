"""Sums that come out the same in whatever order and grouping their terms arrive."""

from typing import Self

import numpy as np
import numpy.typing as npt

_FRACTION_BITS = 40
_FRACTION_MASK = (1 << _FRACTION_BITS) - 1
_LARGEST = float(2**40)

Index = npt.NDArray[np.int64] | tuple[npt.NDArray[np.int64], ...]


class ExactSum:
    """An array of sums in fixed point, so that merging is associative to the last bit.

    Floating-point addition is not associative: the same images in other shards would give
    other tables. Each term is rounded once, to 2^-40 (1e-12); integers do the rest. Terms are
    clipped to +-2^40, so that 8 million of the largest fit.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._whole = np.zeros(shape, dtype=np.int64)
        self._fraction = np.zeros(shape, dtype=np.int64)

    def update(self, index: Index, values: npt.ArrayLike) -> None:
        """Add `values` at `index`, which may name a place more than once. NaN counts as 0."""
        whole, fraction = _fixed_point(values)
        np.add.at(self._whole, index, whole)
        np.add.at(self._fraction, index, fraction)
        self._carry()

    def update_rows(self, rows: npt.NDArray[np.int64], values: npt.ArrayLike) -> None:
        """`update` for whole rows of sums of shape (rows, width), several times as fast.

        rows : int64, shape (N,); a row may be named more than once; values : shape (N, width)
        """
        whole, fraction = _fixed_point(values)
        order = np.argsort(rows, kind="stable")
        named, starts = np.unique(rows[order], return_index=True)
        if not len(named):
            return
        whole = self._whole[named] + np.add.reduceat(whole[order], starts)
        fraction = self._fraction[named] + np.add.reduceat(fraction[order], starts)
        self._whole[named] = whole + (fraction >> _FRACTION_BITS)
        self._fraction[named] = fraction & _FRACTION_MASK

    def merge(self, other: Self) -> None:
        """Add all sums of `other`, which has the same shape."""
        self._whole += other._whole
        self._fraction += other._fraction
        self._carry()

    def compute(self) -> npt.NDArray[np.float64]:
        """The sums as float64."""
        return self._whole + self._fraction / 2.0**_FRACTION_BITS

    def _carry(self) -> None:
        self._whole += self._fraction >> _FRACTION_BITS
        self._fraction &= _FRACTION_MASK


def _fixed_point(
    values: npt.ArrayLike,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    terms = np.clip(np.nan_to_num(np.asarray(values, dtype=np.float64)), -_LARGEST, _LARGEST)
    whole = np.floor(terms)
    fraction = np.rint((terms - whole) * 2.0**_FRACTION_BITS)
    return whole.astype(np.int64), fraction.astype(np.int64)
