"""A view at low resolution, from some of its pixels alone."""

from typing import Any

import cv2
import numpy as np

from tasks.interventions.view import Floats, Mask, Pixels


def reduced_size(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """(height, width) with the longer of both at most `side`, aspect kept, never enlarged."""
    height, width = shape[:2]
    scale = min(1.0, side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def known_mean(pixels: Pixels, known: Mask, side: int) -> tuple[Floats, Floats]:
    """Sums and weights of the known pixels in each pixel of the reduced view.

    pixels : uint8, shape (height, width, 3)
    known : bool, shape (height, width)
    side : of the reduced view, pixels

    Returns: float32 (h, w, 3), mean of the pixel values where those not known count as 0; and
    float32 (h, w), the known share in [0, 1]. Their ratio is the mean of the known pixels.
    """
    height, width = reduced_size(known.shape, side)
    weight = known.astype(np.float32)
    total: Any = cv2.resize(
        pixels * weight[..., None], (width, height), interpolation=cv2.INTER_AREA
    )
    share: Any = cv2.resize(weight, (width, height), interpolation=cv2.INTER_AREA)
    return total, share
