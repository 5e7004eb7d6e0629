"""The box of the CAM paper."""

import cv2
import numpy as np
import numpy.typing as npt

SHARE_OF_MAXIMUM = 0.2

Box = tuple[int, int, int, int]  # left, top, right, bottom, inclusive


def cam_box(scores: npt.NDArray[np.float64]) -> Box | None:
    """Around the largest connected component above 20 % of the map's maximum
    (arXiv:1512.04150, section 3.1). Pixels that touch at a corner are connected; of components
    of one size the first in reading order counts.

    scores : float64, shape (rows, cols), not normalised

    Returns: left, top, right, bottom, inclusive; None for a map that is not finite or has no
    positive value: it points nowhere.
    """
    largest = scores.max()
    if not np.isfinite(scores).all() or largest <= 0:
        return None
    above = (scores > SHARE_OF_MAXIMUM * largest).astype(np.uint8)
    _, _, components, _ = cv2.connectedComponentsWithStats(above, connectivity=8)
    # Component 0 is what lies below.
    left, top, width, height = components[1 + components[1:, cv2.CC_STAT_AREA].argmax()][:4]
    return int(left), int(top), int(left + width - 1), int(top + height - 1)
