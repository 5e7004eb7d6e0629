"""At which thresholds the boxes of a score map hit, as clovaai/wsolevaluation computes it.

The published evaluation takes 1000 thresholds t from 0 to 0.999 and compares uint8(255 * score)
with int(255 * t): only 255 of them differ. These are the levels here.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from tasks.errors import AuditError
from tasks.localization.boxes import Boxes, intersection_over_union, share_inside
from tasks.localization.one_contour import LEVELS, levels_of_one_contour
from tasks.localization.score_maps import to_bytes

IOUS = (0.3, 0.5, 0.7)
_THRESHOLDS = np.arange(0, 1, 0.001)

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Levels = npt.NDArray[np.int64]
Rectangle = Sequence[int]  # x, y, width, height


def level_thresholds() -> Floats:
    """The smallest published threshold of each level. float64, shape (255,), rising."""
    _, first = np.unique((_THRESHOLDS * LEVELS).astype(np.int64), return_index=True)
    return _THRESHOLDS[first]


def level_hits(scores: Floats, true_boxes: Boxes) -> tuple[Bools, Bools]:
    """Whether a box cut at each level overlaps a true box enough: that of the contour with the
    largest area (MaxBoxAcc), and that of any contour, holes' contours too (MaxBoxAccV2).

    scores : float64, shape (rows, cols), from `normalise`
    true_boxes : int64, shape (n, 4), n > 0: left, top, right, bottom, inclusive

    Returns: two of bool, shape (3, 255): by IOUS and by level.

    Raises: AuditError for a score map that does not span [0, 1] and for no true box.
    """
    _check(scores, true_boxes)
    image = to_bytes(scores)
    if not image.any():  # no contour at any threshold: the published box is the first pixel
        hits = box_hits(np.zeros((LEVELS, 4), dtype=np.int64), true_boxes)
        return hits, hits
    hulls = hull_boxes(image)
    of_hull = intersection_over_union(hulls, true_boxes).max(axis=1)
    single = levels_of_one_contour(image)
    largest = np.where(single, of_hull, 0.0)
    any_contour = largest.copy()
    # Where not even the part of the object inside the hull suffices, no contour's box hits.
    reachable = share_inside(true_boxes, hulls).max(axis=1) >= IOUS[0]
    levels = np.flatnonzero(~single & reachable)
    if levels.size:
        overlaps = _contour_overlaps(image, hulls, levels, true_boxes)
        largest[levels], any_contour[levels] = overlaps
    return _hits(largest), _hits(any_contour)


def box_hits(boxes: Boxes, true_boxes: Boxes) -> Bools:
    """Whether the box of each level overlaps a true box enough.

    boxes : int64, shape (255, 4); true_boxes : int64, shape (n, 4), n > 0

    Returns: bool, shape (3, 255): by IOUS and by level.
    """
    return _hits(intersection_over_union(boxes, true_boxes).max(axis=1))


def _check(scores: Floats, true_boxes: Boxes) -> None:
    low, high = scores.min(), scores.max()
    if not (low >= 0 and high in (0.0, 1.0)):  # NaN, too
        raise AuditError(
            f"a score map must be 0 everywhere or reach from 0 to 1, got [{low}, {high}]. "
            "Pass it through `normalise`"
        )
    if not len(true_boxes):
        raise AuditError("no box can hit an object without one: expected at least one true box")


def _hits(overlap: Floats) -> Bools:
    return overlap[None] >= np.array(IOUS)[:, None]


def hull_boxes(image: Bytes) -> Boxes:
    """The published box around all pixels above each level.

    image : uint8, shape (rows, cols), the largest value 255

    Returns: int64, shape (255, 4).
    """
    left, right = _extent(image.max(axis=0))
    top, bottom = _extent(image.max(axis=1))
    return np.stack([left, top, right, bottom], axis=1)


def _extent(profile: Bytes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First place above each level, and the one after the last, clipped to the image: x + w of
    the published code."""
    above = profile[None, :] > np.arange(LEVELS)[:, None]
    last = len(profile) - 1
    return above.argmax(axis=1), np.minimum(last - above[:, ::-1].argmax(axis=1) + 1, last)


def _contour_overlaps(
    image: Bytes, hulls: Boxes, levels: Levels, true_boxes: Boxes
) -> tuple[Floats, Floats]:
    """Best IoU, level by level, of the contour with the largest area and of any contour."""
    found = [_contours(image, hulls[level].tolist(), int(level)) for level in levels]
    rows, cols = image.shape
    boxes = _published_boxes([box for of_level, _ in found for box in of_level], cols, rows)
    overlaps = intersection_over_union(boxes, true_boxes).max(axis=1)
    first = np.cumsum([0, *(len(of_level) for of_level, _ in found[:-1])])
    widest = first + [place for _, place in found]
    return overlaps[widest], np.maximum.reduceat(overlaps, first)


def _contours(image: Bytes, hull: list[int], level: int) -> tuple[list[Rectangle], int]:
    """The rectangles (x, y, width, height) of all contours, and which has the largest area."""
    left, top, right, bottom = hull
    part = image[top : bottom + 1, left : right + 1]
    _, binary = cv2.threshold(part, level, 255, cv2.THRESH_BINARY)
    contours, _ = cv2.findContours(
        binary, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE, offset=(left, top)
    )
    areas = [cv2.contourArea(contour) for contour in contours]
    return [cv2.boundingRect(contour) for contour in contours], areas.index(max(areas))


def _published_boxes(rectangles: list[Rectangle], cols: int, rows: int) -> Boxes:
    """x, y, x + w, y + h, clipped to the image: one pixel more than the rectangle has."""
    boxes = np.array(rectangles, dtype=np.int64)
    boxes[:, 2:] += boxes[:, :2]
    return np.minimum(boxes, [cols - 1, rows - 1, cols - 1, rows - 1])
