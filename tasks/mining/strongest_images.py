"""The images that excite each unit most, within each of several groups of images."""

from typing import Self

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.int64]
Cells = npt.NDArray[np.unsignedinteger]

_EMPTY = np.iinfo(np.int64).min
_LAST_ID = 2**32 - 1


def ranking_keys(activation: npt.NDArray[np.float32], image_id: npt.NDArray[np.integer]) -> Keys:
    """One integer per entry that is larger the stronger the activation and, of equals, the lower
    the image_id: the bits of the activation, then those of the image_id, counted down. No two
    entries of a unit are equal, and comparing, choosing and sorting take one integer each.

    activation : shape (N, units); not finite: an entry that never takes a place
    image_id : shape (N,), 0 <= image_id < 2^31

    Returns: int64, shape (N, units).
    """
    # Adding 0 makes of -0, which would rank below 0, the same number.
    bits = (activation + np.float32(0)).view(np.int32)
    # Two's complement orders the bits of negative floats backwards.
    ordered = np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits).astype(np.int64)
    keys: Keys = (ordered << 32) | (_LAST_ID - image_id.astype(np.int64))[:, None]
    return np.where(np.isfinite(activation), keys, _EMPTY)


def entries_of(
    keys: Keys,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Activation, image_id and whether there is an entry at all, of keys of any shape."""
    ordered = (keys >> 32).astype(np.int32)
    bits = np.where(ordered < 0, ordered ^ np.int32(0x7FFFFFFF), ordered)
    return bits.view(np.float32), _LAST_ID - (keys & _LAST_ID), keys != _EMPTY


class StrongestImages:
    """Running top k of each unit in each group; order-free, ties broken by image_id.

    Most images are dropped by one comparison with the k-th best so far.

    groups : of images, by class say; units, top_k : images kept for each unit and group
    cell_type : unsigned integers that hold a cell's number

    Attributes: keys, int64, and cells, both (groups, units, top_k), the strongest first after
    `compute`.
    """

    def __init__(self, groups: int, units: int, top_k: int, cell_type: npt.DTypeLike) -> None:
        self.keys: Keys = np.full((groups, units, top_k), _EMPTY)
        self.cells: Cells = np.zeros((groups, units, top_k), dtype=cell_type)
        self._worst: Keys = np.full((groups, units), _EMPTY)

    @staticmethod
    def bytes_per_unit(groups: int, top_k: int, cell_type: npt.DTypeLike) -> int:
        """What one unit takes of memory."""
        return groups * (top_k * (8 + np.dtype(cell_type).itemsize) + 8)

    def update(self, group: int, keys: Keys, cells: Cells) -> None:
        """Take in N images of one group; both arguments have shape (N, units), and the keys are
        of `ranking_keys`."""
        beats = keys > self._worst[group]
        units, rows = np.flatnonzero(beats.any(axis=0)), np.flatnonzero(beats.any(axis=1))
        if not len(units):
            return
        news = np.ix_(rows, units)
        all_keys = np.concatenate([self.keys[group, units], keys[news].T], axis=1)
        all_cells = np.concatenate([self.cells[group, units], cells[news].T], axis=1)
        top_k = self.keys.shape[2]
        best = np.argpartition(all_keys, -top_k, axis=1)[:, -top_k:]
        kept = np.take_along_axis(all_keys, best, axis=1)
        self.keys[group, units] = kept
        self.cells[group, units] = np.take_along_axis(all_cells, best, axis=1)
        self._worst[group, units] = kept.min(axis=1)

    def merge(self, other: Self) -> None:
        """Take in all entries of `other`, of as many groups and units."""
        for group in range(len(self.keys)):
            self.update(group, other.keys[group].T, other.cells[group].T)

    def compute(self) -> None:
        """Put the entries in order, the strongest first, and the empty places of a group with
        fewer than k images last; group by group, so that no second copy is made."""
        for group in range(len(self.keys)):
            order = np.argsort(self.keys[group], axis=1)[:, ::-1]
            self.keys[group] = np.take_along_axis(self.keys[group], order, axis=1)
            self.cells[group] = np.take_along_axis(self.cells[group], order, axis=1)
