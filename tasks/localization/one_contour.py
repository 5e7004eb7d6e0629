"""Thresholds at which a map has one contour, without following it."""

import cv2
import numpy as np
import numpy.typing as npt

LEVELS = 255

Bytes = npt.NDArray[np.uint8]


def levels_of_one_contour(image: Bytes) -> npt.NDArray[np.bool_]:
    """Levels at which what lies above is certainly one component without a hole, so that its
    only contour's box is the hull: every row (or every column) has one run, so there is no
    hole, and then Euler's number, corners - edges + pixels, is the number of components.

    It saves most of the contours: counting needs four histograms for all levels.

    image : uint8, shape (rows, cols)

    Returns: bool, shape (255,).
    """
    padded = np.pad(image, 1)
    across = np.maximum(padded[:, :-1], padded[:, 1:])  # an edge lies above where a pixel does
    down = np.maximum(padded[:-1], padded[1:])
    corners = np.maximum(across[:-1], across[1:])
    pixels, edges_across, edges_down = _above(padded), _above(across), _above(down)
    euler = _above(corners) - edges_across - edges_down + pixels
    rows, cols = _above(image.max(axis=1)), _above(image.max(axis=0))
    one_run = (edges_across - pixels == rows) | (edges_down - pixels == cols)
    return (euler == 1) & one_run


def _above(values: Bytes) -> npt.NDArray[np.int64]:
    """How many of the values lie above each level. int64, shape (255,)."""
    flat = np.ascontiguousarray(values).reshape(-1, 1)
    counts = cv2.calcHist([flat], [0], None, [256], [0, 256]).ravel().astype(np.int64)
    return flat.size - counts.cumsum()[:LEVELS]
