"""Sums of rows by group."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def sums_by_group(rows: Floats, group: npt.NDArray[np.integer], groups: int) -> Floats:
    """The rows of each group added up.

    rows : float64, shape (N, columns); group : shape (N,), in [0, groups)

    Returns: float64, shape (groups, columns); zeros for a group without rows.
    """
    sums = np.zeros((groups, rows.shape[1]))
    if len(rows):
        order = np.argsort(group, kind="stable")
        present, starts = np.unique(group[order], return_index=True)
        sums[present] = np.add.reduceat(rows[order], starts, axis=0)
    return sums
