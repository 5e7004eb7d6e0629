"""From the grid of a heatmap to the score map that the published evaluations take."""

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CENTRE_WIDTH = 0.25  # standard deviation of the centre map, in sides of the view


def enlarge(grid: npt.ArrayLike, side: int) -> Floats:
    """A map on its grid, bilinearly enlarged to a view of side x side pixels (half-pixel
    centres, as torch's interpolate with align_corners=False).

    grid : (rows, cols)

    Returns: float64, shape (side, side).
    """
    cells = np.ascontiguousarray(grid, dtype=np.float64)
    enlarged = cv2.resize(cells, (side, side), interpolation=cv2.INTER_LINEAR)
    return np.asarray(enlarged, dtype=np.float64)


def normalise(scores: Floats) -> Floats:
    """Min-max to [0, 1]; zeros for a map that is constant or not finite (`normalize_scoremap`
    of clovaai/wsolevaluation, which so treats NaN).

    Returns: float64, same shape; its largest value is exactly 1 unless all are 0.
    """
    if not np.isfinite(scores).all() or scores.min() == scores.max():
        return np.zeros_like(scores)
    shifted: Floats = scores - scores.min()
    return shifted / shifted.max()


def to_bytes(scores: Floats) -> npt.NDArray[np.uint8]:
    """Scores in [0, 1] as the published evaluation compares them: uint8, rounded down."""
    return (scores * 255).astype(np.uint8)


def centre_map(side: int) -> Floats:
    """The baseline that has not seen the image: a Gaussian on the centre of the view, as the
    center baseline of arXiv:2001.07437. Its boxes at all thresholds are the centred squares of
    all sizes.

    Returns: float64, shape (side, side), in [0, 1].
    """
    step = (np.arange(side) + 0.5) / side - 0.5
    across = np.exp(-(step**2) / (2 * CENTRE_WIDTH**2))
    return normalise(np.outer(across, across))
