"""The measures restated in float64 and plain loops, one image at a time. Images are numpy
(C, h, w), maps (H, W), and `score` takes one image and returns its probability.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Score = Callable[[Floats], float]


def enlarged(heatmap: Floats, height: int, width: int) -> Floats:
    """Bilinear, pixel centres at half integers, edge values held outside of the last centres."""
    rows, cols = heatmap.shape
    large = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            y = min(max((i + 0.5) * rows / height - 0.5, 0), rows - 1)
            x = min(max((j + 0.5) * cols / width - 0.5, 0), cols - 1)
            top, left = math.floor(y), math.floor(x)
            low, right = min(top + 1, rows - 1), min(left + 1, cols - 1)
            above = heatmap[top, left] * (1 - x + left) + heatmap[top, right] * (x - left)
            below = heatmap[low, left] * (1 - x + left) + heatmap[low, right] * (x - left)
            large[i, j] = above * (1 - y + top) + below * (y - top)
    return large


def order(heatmap: Floats, height: int, width: int) -> list[tuple[int, int]]:
    """Pixels from the largest value down, ties in reading order (values told apart as float32)."""
    large = enlarged(heatmap, height, width).astype(np.float32)
    places = [(i, j) for i in range(height) for j in range(width)]
    return sorted(places, key=lambda place: -large[place])  # sorted() keeps the order of ties


def blurred(image: Floats) -> Floats:
    """Every pixel a mean over 11 x 11 with Gaussian weights, the border repeated."""
    channels, height, width = image.shape
    weights = {(a, b): math.exp(-(a * a + b * b) / 50) for a in range(-5, 6) for b in range(-5, 6)}
    total = math.fsum(weights.values())
    out = np.zeros_like(image)
    for c, i, j in np.ndindex(channels, height, width):
        for (a, b), weight in weights.items():
            y, x = min(max(i + a, 0), height - 1), min(max(j + b, 0), width - 1)
            out[c, i, j] += weight / total * image[c, y, x]
    return out


def mean_colour(image: Floats) -> Floats:
    out = np.zeros_like(image)
    for c in range(len(image)):
        out[c] = math.fsum(image[c].ravel()) / image[c].size
    return out


def curve(
    start: Floats, end: Floats, heatmap: Floats, steps: int, score: Score
) -> tuple[list[float], float]:
    """Scores from `start` to `end`, the highest pixels of the map first, and their area."""
    places = order(heatmap, *start.shape[1:])
    scores = []
    for step in range(steps + 1):
        image = start.copy()
        for i, j in places[: step * len(places) // steps]:
            image[:, i, j] = end[:, i, j]
        scores.append(score(image))
    return scores, float(np.trapezoid(scores, dx=1 / steps))


def explanation_scores(image: Floats, heatmap: Floats, score: Score) -> tuple[float, float, float]:
    """Drop, increase and gain of an image whose map is not constant."""
    large = enlarged(heatmap, *image.shape[1:])
    low, high = large.min(), large.max()
    masked = image.copy()
    for c, i, j in np.ndindex(*image.shape):
        masked[c, i, j] *= (large[i, j] - low) / (high - low)
    whole, explained = score(image), score(masked)
    drop = max(0.0, whole - explained) / whole
    gain = max(0.0, explained - whole) / (1 - whole)
    return drop, float(explained > whole), gain
