"""The weights of convolutions as pictures."""

import numpy as np

from reports.views.tile_colours import (
    Values,
    mark_not_finite,
    shares_of_limits,
    signed_colours,
    tile_limits,
)
from reports.views.tile_grids import TileGrid, lay_out

_SHORTEST_SIDE = 48
_GAP = 4
_WEIGHT_SIDE = 12  # of a 1 x 1 kernel, which is drawn as one square of a matrix


def colour_kernels(weights: Values, *, common: bool, columns: int | None = None) -> TileGrid:
    """Kernels that see red, green and blue, each in the colours that it answers to.

    Grey (128) is a weight of 0, and the strongest weight of either sign is 0 or 255: of the
    kernel, or of all of them. Magenta is not finite. A 1 x 1 kernel is one square.

    weights : float32, shape (units, 3, height, width), the channels in the order R, G, B
    common : one scale for all kernels
    columns : tiles in a row; None for a grid about as wide as high

    Raises: ValueError for weights of another shape or without a value, and for too many of them.
    """
    _check(weights)
    if weights.shape[1] != 3:
        raise ValueError(
            f"the kernels have {weights.shape[1]} input channels; expected 3, red, green and "
            "blue. Draw the others with kernel_slices"
        )
    limits = tile_limits(weights, common=common)
    shares = shares_of_limits(weights, limits).transpose(0, 2, 3, 1)
    colour = np.rint(127.5 + 127.5 * np.nan_to_num(shares)).astype(np.uint8)
    tiles = mark_not_finite(colour, shares.sum(axis=-1))
    return lay_out(
        tiles, limits, signed=True, columns=columns, shortest_side=_SHORTEST_SIDE, gap=_GAP
    )


def kernel_slices(
    weights: Values, *, common: bool, units: int = 16, channels: int = 16
) -> TileGrid:
    """Deeper kernels, one tile per unit and input channel: a row per unit, a column per channel.

    Blue is below zero, white is zero, red is above; magenta is not finite. The strongest colour
    is the largest absolute weight of the unit (of all its channels, drawn or not), or of all
    units. 1 x 1 kernels have no shape: they make a matrix of weights without gaps. Depthwise
    kernels, with one channel each, make a grid in reading order.

    weights : float32, shape (units, channels, height, width); with groups, a unit's channels are
        those of its own group
    common : one scale for all units
    units, channels : how many of the first ones are drawn, at least 1

    Raises: ValueError for weights of another shape or without a value, for numbers out of range
    and for too many tiles.
    """
    _check(weights)
    if units < 1 or channels < 1:
        raise ValueError(f"units is {units} and channels {channels}; expected at least 1 of each")
    drawn = weights[:units, :channels]
    of_units = tile_limits(weights, common=common)[:units]
    shares = shares_of_limits(drawn, of_units)
    height, width = weights.shape[2:]
    pointwise = (height, width) == (1, 1)
    return lay_out(
        signed_colours(shares).reshape(-1, height, width, 3),
        of_units.repeat(drawn.shape[1]),
        signed=True,
        columns=None if drawn.shape[1] == 1 else drawn.shape[1],
        shortest_side=_WEIGHT_SIDE if pointwise else _SHORTEST_SIDE,
        gap=0 if pointwise else _GAP,
    )


def _check(weights: Values) -> None:
    if weights.ndim != 4 or not weights.size:
        raise ValueError(
            f"the weights have shape {weights.shape}; expected (units, channels, height, width), "
            "none of them 0. Choose a two-dimensional convolution"
        )
