"""Where a network is cut for a head of class activation maps: arXiv:1512.04150, section 3.1."""

import math

from torch import Tensor, nn

from cam_kernels.layers.grid_layout import GridLayout
from tasks.errors import AuditError
from tasks.model.cut_points import CutPoint, find_cut_points
from tasks.model.loaded import unknown_name

_LEAST_CELLS, _SIDE = 13, 224  # of the paper: 13 cells (or 14) along 224 pixels
_FINEST = 8  # pixels per cell: what is finer stands too early in a network to classify by


def choose_cut(module: nn.Module, images: Tensor) -> str:
    """The last layer with 13 or 14 cells along 224 pixels, and in proportion along others; where
    there is none, the last of the coarsest grid that is finer, down to 8 pixels a cell.

    All later values are computed from it alone, so that it lies in no branch and beside no
    shortcut; it stands behind its norm and nonlinearity, and one-per-class maps are passed over.

    images : Tensor, shape (N, C, H, W), as the module takes them

    Raises: AuditError where there is no such grid, where cells are tokens, and for a network
    that cannot be traced.
    """
    name = type(module).__name__
    points = [point for point in find_cut_points(module, images).points if point.settled]
    sides = (images.shape[2], images.shape[3])
    fits = [point for point in points if _fits(point.layout, sides)]
    # Where patches are coarse, no tokens fit; the last layer tells a transformer then.
    wanted = min(reversed(fits), key=_cells) if fits else points[-1] if points else None
    if wanted is not None and wanted.layout.kind != "channels_first":
        raise AuditError(_no_channels(name, wanted))
    if wanted is None or not fits:
        raise AuditError(_no_grid(name, points, sides))
    return wanted.names[0]


def cut_point(module: nn.Module, cut: str, images: Tensor) -> CutPoint:
    """The place of a layer's or operation's name.

    images : Tensor, shape (N, C, H, W), as the module takes them

    Raises: AuditError for an unknown name, for one whose output is no grid (N, K, rows, cols) or
    not all that later layers get, and for a network that cannot be traced.
    """
    found = find_cut_points(module, images)
    for point in found.points:
        if cut in point.names:
            if point.layout.kind != "channels_first":
                raise AuditError(_no_channels(type(module).__name__, point))
            return point
    name = type(module).__name__
    if cut not in found.names:
        raise AuditError(unknown_name(f"cut of {name}", cut, sorted(found.names)))
    close = ", ".join(point.names[0] for point in found.points[-5:])
    raise AuditError(
        f"{name} cannot be cut behind {cut!r}: it puts out no grid of cells, or lies in a branch "
        f"or beside a shortcut, so that later layers get more than it. The last places where "
        f"it can be cut: {close or 'none'}"
    )


def _cells(point: CutPoint) -> int:
    return point.layout.rows * point.layout.cols


def _fits(layout: GridLayout, sides: tuple[int, int]) -> bool:
    pairs = zip((layout.rows, layout.cols), sides, strict=True)
    return all(_least(side) <= cells <= math.ceil(side / _FINEST) for cells, side in pairs)


def _least(side: int) -> int:
    return max(2, _LEAST_CELLS * side // _SIDE)


def _no_grid(name: str, points: list[CutPoint], sides: tuple[int, int]) -> str:
    grids = dict.fromkeys(f"{point.layout.rows} x {point.layout.cols}" for point in points)
    rows, cols = (_least(side) for side in sides)
    return (
        f"{name} has no layer through which all later data goes with a grid of {rows} x {cols} "
        f"cells, or up to about twice as many a side, for images of {sides[0]} x {sides[1]} "
        f"pixels; its grids are: {', '.join(grids) or 'none'}. Give a larger --crop, choose "
        "another --model, or leave --cam-head out"
    )


def _no_channels(name: str, point: CutPoint) -> str:
    return (
        f"{name} holds its cells as {point.layout.words} at {point.names[0]!r}, as transformers "
        "do; the head's convolution takes (N, channels, rows, cols). Leave --cam-head out: "
        "transformers are explained as they are, by gradcam++ for one"
    )
