"""Distances of unit vectors that come out the same, to the last bit, in any order of summing.

A cell's distances to the centres are one product of matrices, and how that sums depends on the
number of rows that it is given. On a grid of 2^-16 all products are multiples of 2^-32 and their
sums are below 2^20, which float64 holds exactly: no shard, batch or number of threads changes them.
"""

import numpy as np
import numpy.typing as npt

GRID = 2.0**-16

Floats = npt.NDArray[np.float64]


def on_grid(values: npt.ArrayLike) -> Floats:
    """Values rounded to multiples of 2^-16, float64."""
    return np.rint(np.asarray(values, dtype=np.float64) / GRID) * GRID


def unit_vectors(vectors: npt.NDArray[np.floating]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Each row scaled to length 1, on the grid; rows without a direction are zeros.

    vectors : shape (..., D), any floating type

    Returns: float64 (..., D), and bool (...), False for rows that are zero or not finite.
    """
    values = vectors.astype(np.float64)
    length = np.sqrt((values**2).sum(axis=-1))
    usable = np.isfinite(length) & (length > 0)
    scaled = np.where(usable[..., None], values, 0.0) / np.where(usable, length, 1.0)[..., None]
    return on_grid(scaled), usable


def squared_distances(points: Floats, centres: Floats) -> Floats:
    """Squared Euclidean distances, exact for points and centres on the grid and of length about 1.

    points : float64, shape (N, D); centres : float64, shape (K, D)

    Returns: float64, shape (N, K), >= 0
    """
    return (
        (points**2).sum(axis=1)[:, None] - 2 * points @ centres.T + (centres**2).sum(axis=1)[None]
    )
