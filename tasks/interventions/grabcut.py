"""OpenCV's GrabCut, repeatable, and the connected parts of what it cuts."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from tasks.interventions.view import Floats, Mask, Pixels

_SEED = 0


def grabcut(small: Pixels, trimap: npt.NDArray[np.uint8], rounds: int) -> Mask:
    """The foreground (Rother et al. 2004); nothing where OpenCV gives up.

    The result depends on the arguments alone: OpenCV's random numbers, which the colour models
    start from, are seeded anew for each call (for this thread; OpenCV offers no generator of
    one's own).

    small : uint8, shape (height, width, 3), RGB
    trimap : shape (height, width), OpenCV's four marks
    """
    cut, models = trimap.copy(), (np.zeros((1, 65)), np.zeros((1, 65)))
    cv2.setRNGSeed(_SEED)
    try:
        cv2.grabCut(small, cut, None, *models, rounds, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]
    except cv2.error:  # too few pixels of one kind for its colour models
        return np.zeros(cut.shape, dtype=bool)
    foreground: Mask = (cut == cv2.GC_FGD) | (cut == cv2.GC_PR_FGD)
    return foreground


def largest_component(region: Mask) -> Mask:
    """Pixels that touch by a side belong together; of equally large components the first."""
    return heaviest_component(region, np.ones(region.shape, np.float32))


def heaviest_component(region: Mask, weight: Floats) -> Mask:
    """The connected part of a region with the largest sum of `weight` (same shape, >= 0); the
    first of equal ones; nothing of an empty region."""
    if not region.any():
        return region
    labels: Any = cv2.connectedComponents(region.astype(np.uint8), connectivity=4)[1]
    sums = np.bincount(labels[region], weights=weight[region])
    # Label 0 is what lies outside of the region.
    found: Mask = labels == 1 + int(np.argmax(sums[1:]))
    return found
