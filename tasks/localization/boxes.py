"""Boxes in pixels of the model's view: left, top, right, bottom, the last two inclusive."""

import numpy as np
import numpy.typing as npt

from tasks.images.inputs import InputImage

Boxes = npt.NDArray[np.int64]


def intersection_over_union(boxes: Boxes, others: Boxes) -> npt.NDArray[np.float64]:
    """IoU with the +1 of pixel boxes, as `calculate_multiple_iou` of clovaai/wsolevaluation.

    boxes, others : int, shapes (n, 4) and (m, 4)

    Returns: float64, shape (n, m), in [0, 1].
    """
    mine, its = boxes[:, None, :], others[None, :, :]
    overlap = _area(
        np.concatenate(
            [np.maximum(mine[..., :2], its[..., :2]), np.minimum(mine[..., 2:], its[..., 2:])],
            axis=-1,
        )
    )
    return overlap / (_area(mine) + _area(its) - overlap)


def share_inside(boxes: Boxes, hulls: Boxes) -> npt.NDArray[np.float64]:
    """The share of each box that lies in each hull: no box inside that hull has a larger IoU.

    boxes, hulls : int, shapes (m, 4) and (n, 4)

    Returns: float64, shape (n, m), in [0, 1].
    """
    low = np.maximum(boxes[None, :, :2], hulls[:, None, :2])
    high = np.minimum(boxes[None, :, 2:], hulls[:, None, 2:])
    return _area(np.concatenate([low, high], axis=-1)) / _area(boxes)[None]


def true_boxes(image: InputImage) -> Boxes:
    """Where the object is: the image's boxes, or else the box around its mask.

    Returns: int64, shape (n, 4); n is 0 where the model's view shows no object.
    """
    if image.boxes:
        return np.array(image.boxes, dtype=np.int64)
    if image.object_source != "mask" or image.object_mask is None or not image.object_mask.any():
        return np.zeros((0, 4), dtype=np.int64)
    rows = np.flatnonzero(image.object_mask.any(axis=1))
    cols = np.flatnonzero(image.object_mask.any(axis=0))
    return np.array([[cols[0], rows[0], cols[-1], rows[-1]]], dtype=np.int64)


def _area(boxes: Boxes) -> Boxes:
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2] + 1, 0)
    return sides[..., 0] * sides[..., 1]
