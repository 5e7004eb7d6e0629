"""Views for the interventions' tests, and slow restatements of their geometry in plain loops."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def noise(shape: tuple[int, ...], seed: int = 0) -> npt.NDArray:
    return np.random.default_rng(seed).integers(0, 256, (*shape[:2], 3), dtype=np.uint8)


def disc(side: int, row: float, col: float, radius: float) -> npt.NDArray:
    y, x = np.mgrid[:side, :side]
    return np.hypot(y - row, x - col) <= radius


def distances(region: Bools) -> Floats:
    """Of every pixel to the nearest of `region`, by trying all."""
    points = np.argwhere(region)
    result = np.zeros(region.shape)
    for row, col in np.ndindex(*region.shape):
        result[row, col] = np.hypot(points[:, 0] - row, points[:, 1] - col).min()
    return result


def halo(mask: Bools) -> Bools:
    wider = distances(mask) <= max(1.0, 2 * min(mask.shape) / 224)
    return mask if wider.all() else wider


def mixed(pixels: npt.NDArray, region: Bools, others: npt.NDArray, ramp: float) -> Floats:
    """Pixels of the region fading to the others, not rounded."""
    width = max(1.0, ramp * min(region.shape) / 224)
    distance = distances(~region)
    result = np.zeros(pixels.shape)
    for row, col, channel in np.ndindex(*pixels.shape):
        share = min(distance[row, col] / width, 1.0)
        own, other = float(pixels[row, col, channel]), float(others[row, col, channel])
        result[row, col, channel] = share * own + (1 - share) * other
    return result


def normalised_blur(pixels: npt.NDArray, known: Bools, sigma: float) -> Floats:
    """Gaussian mean of the known pixels alone, cut at three sigma."""
    radius = int(np.ceil(3 * sigma))

    def blur(plane: Floats) -> Floats:
        return ndimage.gaussian_filter(plane, sigma, mode="constant", radius=radius)

    weight = np.maximum(blur(known.astype(float)), 1e-9)
    return np.stack(
        [blur(pixels[..., c].astype(float) * known) / weight for c in range(3)], axis=-1
    )


def bilinear(grid: npt.NDArray, height: int, width: int) -> Floats:
    """Enlargement with cell centres at half pixels, the border repeated."""
    result = np.zeros((height, width))
    for row, col in np.ndindex(height, width):
        y = np.clip((row + 0.5) * grid.shape[0] / height - 0.5, 0, grid.shape[0] - 1)
        x = np.clip((col + 0.5) * grid.shape[1] / width - 0.5, 0, grid.shape[1] - 1)
        top, left = int(y), int(x)
        bottom, right = min(top + 1, grid.shape[0] - 1), min(left + 1, grid.shape[1] - 1)
        v, u = y - top, x - left
        above = (1 - u) * float(grid[top, left]) + u * float(grid[top, right])
        below = (1 - u) * float(grid[bottom, left]) + u * float(grid[bottom, right])
        result[row, col] = (1 - v) * above + v * below
    return result


def component_areas(region: Bools) -> tuple[npt.NDArray[np.int64], list[int]]:
    """Labels of the 4-connected components, from 1, and their areas."""
    labels, count = ndimage.label(region)
    return labels, [int((labels == k).sum()) for k in range(1, count + 1)]


def iou(a: Bools, b: Bools) -> float:
    return float((a & b).sum() / (a | b).sum())
