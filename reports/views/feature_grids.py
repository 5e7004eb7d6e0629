"""The feature maps of a layer for one image, side by side."""

import numpy as np

from reports.views.tile_colours import (
    Values,
    positive_colours,
    shares_of_limits,
    signed_colours,
    tile_limits,
)
from reports.views.tile_grids import TileGrid, lay_out

_SHORTEST_SIDE = 48
_GAP = 4


def feature_grid(maps: Values, *, common: bool, columns: int | None = None) -> TileGrid:
    """One tile per unit, in the order given.

    On a scale of its own a tile shows where its unit responds, however faintly; on the common
    one, which units respond. The strongest colour is the tile's largest absolute value, or the
    largest of all. Maps without a value below zero run from black to pale yellow; otherwise
    every tile is blue below zero, white at zero and red above. Magenta is not finite.

    maps : float32, shape (units, rows, cols), raw activations
    common : one scale for all tiles
    columns : tiles in a row; None for a grid about as wide as high

    Raises: ValueError for maps of another shape or without a value, and for too many of them.
    """
    if maps.ndim != 3 or not maps.size:
        raise ValueError(
            f"the feature maps have shape {maps.shape}; expected (units, rows, cols), none of "
            "them 0. Choose a layer whose output is a grid, and one image"
        )
    limits = tile_limits(maps, common=common)
    shares = shares_of_limits(maps, limits)
    signed = bool(np.nanmin(shares, initial=0) < 0)
    return lay_out(
        signed_colours(shares) if signed else positive_colours(shares),
        limits,
        signed=signed,
        columns=columns,
        shortest_side=_SHORTEST_SIDE,
        gap=_GAP,
    )
