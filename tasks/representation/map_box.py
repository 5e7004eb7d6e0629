"""The box that a map points at, and the square to cut around a box."""

import cv2
import numpy as np
import numpy.typing as npt

Box = tuple[int, int, int, int]  # top, left, bottom, right

SHARE = 0.2  # of the map's maximum


def map_box(raw: npt.NDArray[np.floating], side: int, share: float = SHARE) -> Box | None:
    """The box around the largest connected part of the map above a share of its maximum, as
    arXiv:1512.04150, section 3.2, localises a class.

    The map is enlarged bilinearly to the model's view before it is cut; corners connect; of equal
    parts the first in reading order counts.

    raw : shape (rows, cols), any unit
    side : of the square view in pixels
    share : of the maximum that a pixel must reach, in (0, 1]

    Returns: top, left, bottom, right in pixels of the view, the last two exclusive; None for a
    map that is not finite or nowhere positive.
    """
    values = np.asarray(raw, dtype=np.float64)
    if not np.isfinite(values).all() or values.max() <= 0:
        return None
    # The largest cell is scaled to 1 first: the ratios of tiny float32 values would be lost.
    scaled = (values / values.max()).astype(np.float32)
    enlarged = cv2.resize(scaled, (side, side), interpolation=cv2.INTER_LINEAR)
    above = (enlarged >= share * enlarged.max()).astype(np.uint8)
    _, _, parts, _ = cv2.connectedComponentsWithStats(above, connectivity=8)
    left, top, width, height, _ = (int(n) for n in parts[1 + np.argmax(parts[1:, 4])])
    return top, left, top + height, left + width


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
