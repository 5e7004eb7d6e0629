"""How far the evidence of one map lies from that of another."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tasks.errors import AuditError

DIRECTIONS = 8
_ROWS_AT_ONCE = 2**22

Floats = npt.NDArray[np.float64]
Grid = tuple[int, int]  # rows, columns


def normalised(maps: npt.ArrayLike) -> Floats:
    """The positive part of each map as shares that sum to one; NaN for a map without any.

    maps : float, shape (N, cells)
    """
    positive = np.maximum(np.nan_to_num(np.asarray(maps, dtype=np.float64), nan=0.0), 0)
    total = positive.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.where(total > 0, positive / np.where(total > 0, total, 1), np.nan)


def resampled(maps: Floats, grid: Grid, other: Grid) -> Floats:
    """Maps of shares on another grid: each cell's share goes to the cells that it covers, by area,
    so sums are kept. Both grids span the model's view.

    maps : shape (N, rows * cols) of `grid`; returns shape (N, rows * cols) of `other`
    """
    if grid == other:
        return maps
    down, across = (_overlaps(own, to) for own, to in zip(grid, other, strict=True))
    stacked = maps.reshape(len(maps), *grid)
    return np.asarray(np.einsum("rR,nrc,cC->nRC", down, stacked, across).reshape(len(maps), -1))


def total_variation(first: Floats, second: Floats) -> Floats:
    """Half the sum of absolute differences of shares, shape (N,), in [0, 1]: the share of the
    evidence that is elsewhere, however near."""
    return np.asarray(np.abs(first - second).sum(axis=1) / 2)


def sliced_wasserstein(first: Floats, second: Floats, grid: Grid) -> Floats:
    """How far the evidence has to be carried: the mean over DIRECTIONS directions of the
    1-Wasserstein (earth mover's) distance between the maps' projections (Rabin, Peyre, Delon and
    Bernot 2011, SSVM; Bonneel et al. 2015, J. Math. Imaging Vis. 51:22-45).

    It is 0 for equal maps and never above the earth mover's distance in the plane; a map that is
    shifted as a whole by d is at about 2 d / pi.

    first, second : shares of cells, shape (N, rows * cols), each sums to one
    grid : whose cells' centres are the places, in [0, 1] from edge to edge of the view

    Returns: float64, shape (N,), in sides of the view; NaN where either map is.

    Raises: AuditError where the maps are not on this grid.
    """
    rows, cols = grid
    if first.shape != second.shape or first.shape[1:] != (rows * cols,):
        raise AuditError(
            f"maps of shape {first.shape} and {second.shape} are not on one grid of {rows} x "
            f"{cols} cells; resample one of them"
        )
    y, x = (g.ravel() for g in np.mgrid[0:rows, 0:cols])
    y, x = (y + 0.5) / rows, (x + 0.5) / cols
    total = np.zeros(len(first))
    for part in _parts(len(first), rows * cols):
        surplus = first[part] - second[part]
        for angle in np.arange(DIRECTIONS) * np.pi / DIRECTIONS:
            place = np.cos(angle) * x + np.sin(angle) * y
            order = np.argsort(place, kind="stable")
            carried = np.abs(np.cumsum(surplus[:, order], axis=1)[:, :-1])
            total[part] += carried @ np.diff(place[order])
    return total / DIRECTIONS


def _parts(number: int, cells: int) -> Iterator[slice]:
    step = max(1, _ROWS_AT_ONCE // cells)
    for start in range(0, number, step):
        yield slice(start, min(start + step, number))


def _overlaps(own: int, to: int) -> Floats:
    """Share of each of `own` equal parts of a line that lies in each of `to`; rows sum to one."""
    low = np.maximum(np.arange(own)[:, None] / own, np.arange(to)[None] / to)
    high = np.minimum((np.arange(own)[:, None] + 1) / own, (np.arange(to)[None] + 1) / to)
    return np.maximum(high - low, 0) * own
