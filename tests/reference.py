"""Slow, independent restatements of the formulas, in float64 and plain loops.

Nothing here imports the code under test. The model is used as it is: no folding, no other
memory format, plain autograd.
"""

import copy
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import binomtest
from torch import Tensor, nn

Floats = npt.NDArray[np.float64]


def logits_of(model: nn.Module, images: Tensor) -> Floats:
    """Logits of the untouched model, computed in float64. Shape (N, classes)."""
    with torch.no_grad():
        return copy.deepcopy(model).eval().double()(images.double()).numpy()


def activations_and_gradients(
    model: nn.Module, layer: str, images: Tensor, class_idx: list[int]
) -> tuple[Floats, Floats]:
    """Output A of a layer and dS_c/dA of one class logit per image: two of (N, K, H, W)."""
    exact = copy.deepcopy(model).eval().double()
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        kept.append(output)
        return output.clone()  # what follows may work in place

    handle = exact.get_submodule(layer).register_forward_hook(keep)
    with torch.enable_grad():
        logits = exact(images.double().requires_grad_(True))
        score = sum(logits[n, c] for n, c in enumerate(class_idx))
        (gradient,) = torch.autograd.grad(score, kept[0])
    handle.remove()
    return kept[0].detach().numpy(), gradient.numpy()


def gradcam_pp_weights(activations: Floats, gradients: Floats) -> Floats:
    """Eq. 19 and 5 of arXiv:1710.11063, channel by channel. Shape (N, K)."""
    weights = np.zeros(activations.shape[:2])
    for n, k in np.ndindex(*weights.shape):
        total = activations[n, k].sum()
        for i, j in np.ndindex(*activations.shape[2:]):
            g = gradients[n, k, i, j]
            if g > 0:
                weights[n, k] += g**2 / (2 * g**2 + g**3 * total) * g
    return weights


def gradcam_pp_official_weights(
    activations: Floats, gradients: Floats, logits: list[float]
) -> Floats:
    """The authors' code (github.com/adityac94/Grad_CAM_plus_plus, misc/utils.py), one image at
    a time: derivatives of exp(S_c), alphas divided by their sum where the gradient is positive.
    """
    weights = np.zeros(activations.shape[:2])
    for n, score in enumerate(logits):
        first = math.exp(score) * gradients[n]
        second, third = first * gradients[n], first * gradients[n] ** 2
        denominator = 2 * second + third * activations[n].sum(axis=(1, 2), keepdims=True)
        alpha = second / np.where(denominator != 0, denominator, 1)
        positive = np.maximum(first, 0)
        total = np.where(positive, alpha, 0).sum(axis=(1, 2), keepdims=True)
        weights[n] = (positive * alpha / np.where(total != 0, total, 1)).sum(axis=(1, 2))
    return weights


def gradcam_weights(gradients: Floats) -> Floats:
    """Eq. 1 of arXiv:1610.02391. Shape (N, K)."""
    return np.array([[channel.sum() / channel.size for channel in image] for image in gradients])


def class_map(activations: Floats, weights: Floats) -> Floats:
    """relu(sum_k w_k A_k). Shape (N, H, W)."""
    maps = np.zeros((len(activations), *activations.shape[2:]))
    for n, k in np.ndindex(*weights.shape):
        maps[n] += weights[n, k] * activations[n, k]
    return np.maximum(maps, 0)


def contrast_map(activations: Floats, predicted: Floats, against: Floats) -> Floats:
    """sum_k (dS_a/dA_k - dS_b/dA_k) A_k, signed. Shape (N, H, W)."""
    maps = np.zeros((len(activations), *activations.shape[2:]))
    for n, k in np.ndindex(*activations.shape[:2]):
        maps[n] += predicted[n, k] * activations[n, k] - against[n, k] * activations[n, k]
    return maps


def map_numbers(heatmap: Floats, coverage: Floats, on_object: npt.NDArray[np.bool_]) -> dict:
    """The numbers of one finite map that has a positive value, with an object, cell by cell."""
    rows, cols = heatmap.shape
    cells = [(i, j, max(float(heatmap[i, j]), 0.0)) for i in range(rows) for j in range(cols)]
    total = math.fsum(value for _, _, value in cells)
    y = math.fsum(v / total * (i + 0.5) / rows for i, _, v in cells)
    x = math.fsum(v / total * (j + 0.5) / cols for _, j, v in cells)
    energy = math.fsum(v / total * coverage[i, j] for i, j, v in cells)
    row, col, _ = max(cells, key=lambda cell: cell[2])
    squares = [
        v / total * (((i + 0.5) / rows - y) ** 2 + ((j + 0.5) / cols - x) ** 2) for i, j, v in cells
    ]
    edge = [v / total for i, j, v in cells if i in (0, rows - 1) or j in (0, cols - 1)]
    surprise = [-v / total * math.log(v / total) for _, _, v in cells if v > 0]
    return {
        "object_energy": energy,
        "lift": energy / (coverage.sum() / coverage.size),
        "pointing_hit": float(on_object[row, col]),
        "border_share": math.fsum(edge),
        "centroid_row": y,
        "centroid_col": x,
        "spread": math.sqrt(math.fsum(squares)),
        "entropy": math.fsum(surprise) / math.log(rows * cols),
    }


def seen_pixels(
    grid_of: Callable[[Tensor], Tensor], side: int, row: int, col: int, channels: int = 3
) -> tuple[int, int, int, int]:
    """Which input pixels reach unit (row, col): top, left, bottom, right, the last two exclusive.

    One input row (then column) after the other is made NaN, and NaN spreads through whatever
    the network does. float64 keeps convolutions to plain sums: fast transforms would mix tiles.

    grid_of : float64 images (N, channels, side, side) to the layer's output (N, K, H, W)
    """
    seen = []
    for axis in (2, 3):
        images = torch.zeros((side, channels, side, side), dtype=torch.float64)
        for i in range(side):
            images[i].select(axis - 1, i).fill_(math.nan)
        with torch.no_grad():
            reached = grid_of(images)[:, :, row, col].isnan().any(dim=1).nonzero().flatten()
        seen.append((int(reached.min()), int(reached.max()) + 1))
    return seen[0][0], seen[1][0], seen[0][1], seen[1][1]


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's 95 % interval by scipy."""
    interval = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    return interval.low, interval.high
