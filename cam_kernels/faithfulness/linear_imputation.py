"""Removed pixels as weighted means of their neighbours (section 4.2 of ROAD, arXiv:2202.00449).

A removed pixel is the mean of the neighbours inside the image, with weight 1/6 for those that
share a side and 1/12 for those that share a corner. Those that were removed too are unknowns,
so the pixels of a hole solve one linear system, which is symmetric and positive definite.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE_WEIGHT = 1 / 6
CORNER_WEIGHT = 1 / 12
TOLERANCE = 5e-4
_MOST_ITERATIONS = 2_000


def impute(images: Tensor, removed: Tensor, tolerance: float = TOLERANCE) -> Tensor:
    """Fill the removed pixels of each image.

    Conjugate gradients, started from the solution of the same problem
    at half the size (cascadic multigrid), until the residual's norm is `tolerance` times that
    of the right side. Each image stops by itself, so its values do not depend on the others.
    At 224 x 224 pixels with half of the image or nine tenths missing, in one hole, the imputed
    values are then within 0.03 (root mean square) of the exact solution for images of standard
    deviation 1, after some 70 iterations.

    images : Tensor, shape (B, C, h, w), float
    removed : Tensor, shape (B, h, w), bool, at least one pixel of each image not removed

    Returns: Tensor, shape (B, C, h, w), the same where nothing was removed.

    Raises: ValueError where the shapes do not fit or all of an image was removed.
    """
    if images.ndim != 4 or removed.shape != (len(images), *images.shape[2:]):
        raise ValueError(
            "expected images (B, C, h, w) and removed (B, h, w), got "
            f"{tuple(images.shape)} and {tuple(removed.shape)}"
        )
    if removed.flatten(1).all(dim=1).any():
        raise ValueError("all pixels of an image are removed: nothing is left to impute from")
    # An image alone stays in a CPU's cache, which makes it three times as fast.
    at_once = 1 if images.device.type == "cpu" else max(1, len(images))
    parts = zip(images.split(at_once), removed[:, None].split(at_once), strict=True)
    solved = torch.cat([_solve(image, hole, tolerance) for image, hole in parts])
    return torch.where(removed[:, None], solved, images)


def _solve(images: Tensor, removed: Tensor, tolerance: float) -> Tensor:
    if not removed.any():
        return images
    known = (~removed).to(images.dtype)
    share = F.avg_pool2d(known, 2, ceil_mode=True)
    means = F.avg_pool2d(images * known, 2, ceil_mode=True) / torch.where(share > 0, share, 1.0)
    half = _solve(means, share == 0, tolerance)
    start = F.interpolate(half, images.shape[2:], mode="bilinear", align_corners=False)
    return _conjugate_gradients(images * known, 1 - known, start * (1 - known), tolerance)


def _conjugate_gradients(known: Tensor, hole: Tensor, start: Tensor, tolerance: float) -> Tensor:
    """known : (B, C, h, w), 0 in the hole; hole : (B, 1, h, w), 1 inside; start : 0 outside."""
    weight = _neighbour_sum(torch.ones_like(hole[:1]))

    def system(values: Tensor) -> Tensor:
        return hole * (weight * values - _neighbour_sum(values))

    right = hole * _neighbour_sum(known)
    solution, residual = start, right - system(start)
    direction, squared = residual, _dot(residual, residual)
    enough = tolerance**2 * _dot(right, right)
    for _ in range(_MOST_ITERATIONS):
        active = squared > enough
        if not active.any():
            break
        image = system(direction)
        step = torch.where(active, squared / _dot(direction, image), 0.0)
        solution = solution + step * direction
        residual = residual - step * image
        before, squared = squared, _dot(residual, residual)
        direction = residual + torch.where(active, squared / before, 0.0) * direction
    return known + solution


def _neighbour_sum(values: Tensor) -> Tensor:
    # [1 2 1]^T [1 2 1] / 12 is 1/12 at the corners, 1/6 at the sides, and 1/3 in the middle.
    padded = F.pad(values, (1, 1, 1, 1))
    rows = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    both = rows[:, :, :, :-2] + 2 * rows[:, :, :, 1:-1] + rows[:, :, :, 2:]
    return CORNER_WEIGHT * (both - 4 * values)


def _dot(left: Tensor, right: Tensor) -> Tensor:
    return (left * right).sum(dim=(2, 3), keepdim=True)
