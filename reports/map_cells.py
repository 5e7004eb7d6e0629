"""Maps as pages hold them: a byte a cell, which static/maps.js enlarges and colours."""

import base64

import numpy as np
import numpy.typing as npt

from reports.colours import Map

_FULL, _MIDDLE, _HALF = 255, 128, 127

Bytes = npt.NDArray[np.uint8]


def quantise(heatmaps: Map, signed: bool) -> Bytes:
    """Heatmaps in one byte a cell.

    heatmaps : in [-1, 1], the largest absolute value of a map 1
    signed : a contrast map, 128 + 127 h; else 255 h, and 0 for what speaks against the class,
        which is not drawn

    Returns: uint8 of the same shape; wrong by at most half a step, 1/510 or 1/254
    """
    if signed:
        return np.rint(_MIDDLE + _HALF * np.clip(heatmaps, -1, 1)).astype(np.uint8)
    return np.rint(_FULL * np.clip(heatmaps, 0, 1)).astype(np.uint8)


def map_data(raw: Map, limit: float, *, signed: bool = False) -> str:
    """A map for the attribute `data-map` of a canvas: the kind of its colours, its columns, its
    largest absolute value in units of `limit`, and its cells in base64.

    raw : float32, shape (rows, cols), finite
    limit : value of the strongest colour, above 0
    """
    peak = float(np.abs(raw).max())
    cells = quantise(raw / np.float32(peak or 1), signed)
    kind = "signed" if signed else "positive"
    packed = base64.b64encode(cells.tobytes()).decode()
    return f"{kind} {raw.shape[1]} {peak / limit:.6g} {packed}"
