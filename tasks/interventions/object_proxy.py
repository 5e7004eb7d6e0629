"""A stand-in for the object, where an image has neither mask nor box: the label's evidence."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from tasks.interventions.reduction import reduced_size
from tasks.interventions.view import Floats, Mask, Pixels, check_map, check_pixels

# Shares of the map's maximum. A fifth is that of CAM's localisation, arXiv:1512.04150, sec. 3.2.
_REGION = 0.2
_CORE = 0.7  # surely object
_NOTHING = 0.1  # below: surely background
_SIDE = 64
_COLLAPSED = 0.2  # of the region: less than that is a speck on the core
_SEED = 0


def object_proxy(pixels: Pixels, label_map: npt.NDArray[np.floating]) -> Mask | None:
    """The object, guessed from the label's map and the image's colours.

    The largest connected region above a fifth of the map's maximum, refined by one round of
    GrabCut (Rother et al. 2004) at 64 pixels a side. Without a proper cut, or with one that
    leaves less than a fifth of the region, it is the region itself. The result depends on
    nothing else: OpenCV's random numbers, which GrabCut starts its colour models from, are
    seeded anew for each call (for this thread; OpenCV offers no generator of one's own).

    Mean IoU of region -> proxy, from Grad-CAM++ maps of the label. With masks: 0.31 -> 0.40
    (mobilenet_v2) and 0.35 -> 0.45 (squeezenet1_0) on 96 frames of DAVIS, 0.45 -> 0.64 on the
    embedded sample. The box around either against the box given, on photographs of ImageNet:
    0.58 -> 0.59 (mobilenet_v2) and 0.57 -> 0.56 (squeezenet1_0).

    pixels : uint8, shape (height, width, 3), RGB
    label_map : float, shape (rows, cols), raw map of the label on the layer's grid, >= 0

    Returns: bool, shape (height, width), neither empty nor full; None where the map tells of no
    object: a value that is not finite, none that is positive, or the same nearly everywhere.

    Raises: ValueError for arrays of another kind.
    """
    check_pixels(pixels)
    check_map(label_map)
    relative = _relative(label_map)
    if relative is None:
        return None
    height, width = reduced_size(pixels.shape, _SIDE)
    # The map's bilinear enlargement, its peak brought back to 1.
    enlarged: Any = cv2.resize(relative, (width, height), interpolation=cv2.INTER_LINEAR)
    if enlarged.max() <= 0:  # a view of fewer pixels than the map has cells may miss its peak
        return None
    enlarged = enlarged / enlarged.max()
    region = _largest_component(enlarged >= _REGION)
    if region.all():
        return None
    small: Any = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    cut = _grabcut(small, _trimap(enlarged, region))
    proxy = cut if cut.sum() >= _COLLAPSED * region.sum() and not cut.all() else region
    return _enlarged(proxy, pixels.shape)


def coarse_proxy(label_map: npt.NDArray[np.floating]) -> Floats | None:
    """The same guess cell by cell, without the image: cheap enough for every image.

    label_map : float, shape (rows, cols), as in `object_proxy`

    Returns: float32, shape (rows, cols): 1 on the largest connected group of cells above a fifth
    of the maximum, else 0; None where the map tells of no object, as in `object_proxy`.

    Raises: ValueError for an array of another kind.
    """
    check_map(label_map)
    relative = _relative(label_map)
    if relative is None:
        return None
    region = _largest_component(relative >= _REGION)
    return None if region.all() else region.astype(np.float32)


def _relative(label_map: npt.NDArray[np.floating]) -> Floats | None:
    """The map as a share of its maximum; None where that is not a positive finite number."""
    if not np.isfinite(label_map).all() or label_map.max() <= 0:
        return None
    exact = label_map.astype(np.float64)  # float16 and subnormal maxima divide without overflow
    return np.maximum(exact / exact.max(), 0).astype(np.float32)


def _largest_component(region: Mask) -> Mask:
    """Pixels that touch by a side belong together; of equally large components the first."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=4)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    found: Mask = labels == largest
    return found


def _trimap(enlarged: Floats, region: Mask) -> npt.NDArray[np.uint8]:
    trimap = np.where(region, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    trimap = np.where(region & (enlarged >= _CORE), cv2.GC_FGD, trimap)
    return np.where(enlarged < _NOTHING, cv2.GC_BGD, trimap).astype(np.uint8)


def _enlarged(proxy: Mask, shape: tuple[int, ...]) -> Mask:
    """Without stairs, unless smoothing would lose the only pixel of object or of background."""
    plane, size = proxy.astype(np.float32), shape[1::-1]
    smooth: Mask = cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) >= 0.5
    if smooth.any() and not smooth.all():
        return smooth
    return cv2.resize(plane, size, interpolation=cv2.INTER_NEAREST) > 0


def _grabcut(small: Pixels, trimap: npt.NDArray[np.uint8]) -> Mask:
    """Largest component of the foreground; all False where there is none or OpenCV gives up."""
    cut, models = trimap.copy(), (np.zeros((1, 65)), np.zeros((1, 65)))
    cv2.setRNGSeed(_SEED)
    try:
        cv2.grabCut(small, cut, None, *models, 1, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]
    except cv2.error:  # too few pixels of one kind for its colour models
        return np.zeros(cut.shape, dtype=bool)
    foreground = (cut == cv2.GC_FGD) | (cut == cv2.GC_PR_FGD)
    return _largest_component(foreground) if foreground.any() else foreground
