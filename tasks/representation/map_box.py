"""The box that a map points at, and the square to cut around a box."""

import numpy as np
import numpy.typing as npt

from tasks.localization.cam_box import cam_box
from tasks.localization.score_maps import enlarge

Box = tuple[int, int, int, int]  # top, left, bottom, right


def map_box(raw: npt.NDArray[np.floating], side: int) -> Box | None:
    """The box of the CAM rule, `cam_box`, on the map enlarged to the model's view.

    raw : shape (rows, cols), any unit
    side : of the square view in pixels

    Returns: top, left, bottom, right in pixels of the view, the last two exclusive; None for a
    map that is not finite or nowhere positive.
    """
    found = cam_box(enlarge(raw, side))
    if found is None:
        return None
    left, top, right, bottom = found
    return top, left, bottom + 1, right + 1


def mask_box(mask: npt.NDArray[np.bool_]) -> Box | None:
    """The smallest box around all that is True; None where nothing is."""
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    return int(rows[0]), int(cols[0]), int(rows[-1]) + 1, int(cols[-1]) + 1


def square_around(box: Box, height: int, width: int) -> Box:
    """The square of the box's longer side around its centre, moved into the image; where the
    image's shorter side is less, the square is cut to that.

    box : in pixels of an image of height x width
    """
    top, left, bottom, right = box
    side = max(1, min(max(bottom - top, right - left), height, width))
    # In whole pixels: twice the centre, less the side, halved downwards.
    row = min(max((top + bottom - side) // 2, 0), height - side)
    col = min(max((left + right - side) // 2, 0), width - side)
    return row, col, row + side, col + side
