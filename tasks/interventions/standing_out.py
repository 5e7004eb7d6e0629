"""What stands out from the frame: one thing before a background that reaches the border."""

import cv2
import numpy as np

from tasks.interventions.grabcut import grabcut, heaviest_component
from tasks.interventions.view import Floats, Mask, Pixels

# How much of each side of the view is taken for background to start from, and rounds of GrabCut:
# with three for both, IoU was 0.01 higher for twice the time.
_THIN, _WIDE = (0.03, 2), (0.1, 1)
_AGREE = 0.7  # IoU of the two cuts
_SMALLEST, _LARGEST = 0.005, 0.6  # of the view
_OF_MAP = 0.05


def standing_out(small: Pixels, label_map: Floats) -> Mask | None:
    """The object by its colours, where they are clearly others than those along the border.

    GrabCut starts from two frames of background, a thin and a wide one. On a photograph without
    one clear thing the two cuts differ, or fall to pieces. Of the thin frame's cut the connected
    part with the largest share of the label's map is the object, where both agree on it
    (IoU of 0.7), it takes 0.5 % to 60 % of the view, and at least a twentieth of the map and no
    less than a uniform map would have there.

    small : uint8, shape (height, width, 3), RGB
    label_map : float32, shape (height, width), >= 0 with a positive sum

    Returns: bool, shape (height, width); None where nothing stands out.
    """
    thin, wide = _cut(small, label_map, *_THIN), _cut(small, label_map, *_WIDE)
    area = float(thin.mean())
    if not _SMALLEST <= area <= _LARGEST or _iou(thin, wide) < _AGREE:
        return None
    inside = float(label_map[thin].sum() / label_map.sum())
    return thin if inside >= max(_OF_MAP, area) else None


def _cut(small: Pixels, label_map: Floats, share: float, rounds: int) -> Mask:
    height, width = label_map.shape
    rim = max(1, round(share * min(height, width)))
    trimap = np.full((height, width), cv2.GC_BGD, np.uint8)
    trimap[rim : height - rim, rim : width - rim] = cv2.GC_PR_FGD
    return heaviest_component(grabcut(small, trimap, rounds), label_map)


def _iou(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))
