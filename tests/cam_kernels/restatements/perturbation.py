"""The methods with extra forwards in float64: one image, one channel, one forward at a time.

Nothing here imports the code under test. What peers do otherwise than the papers is an option,
so that a test can say which departure makes which difference.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import interpolate

Floats = npt.NDArray[np.float64]
# The class score of one image (C, h, w), or of one activation tensor (K, H, W), in float64.
ClassScore = Callable[[Tensor], float]


def normal(shape: Sequence[int], samples: int, seed: int) -> Tensor:
    """The noise as the docstrings define it, in float64: shape (samples, *shape)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((samples, *shape), generator=generator).double()


def mask_of(
    channel: Tensor,
    size: Sequence[int],
    *,
    align_corners: bool = False,
    enlarge_last: bool = False,
) -> Tensor | None:
    """Channel (H, W) as a mask (h, w) in [0, 1]; None where all its values are one."""
    low, high = float(channel.min()), float(channel.max())
    if low == high:
        return None
    if enlarge_last:
        channel = (channel - low) / (high - low)
    enlarged = interpolate(
        channel[None, None], tuple(size), mode="bilinear", align_corners=align_corners
    )[0, 0]
    if enlarge_last:
        return enlarged
    return (enlarged - enlarged.min()) / (enlarged.max() - enlarged.min())


def scorecam_weights(
    score: ClassScore,
    image: Tensor,
    activations: Tensor,
    *,
    masks: Callable[[Tensor], list[Tensor]] = lambda mask: [mask],
    align_corners: bool = False,
    enlarge_last: bool = False,
    keep_dead: bool = False,
) -> Floats:
    """Softmax over channels of the mean score of the image behind each of a channel's masks."""
    raised: dict[int, float] = {}
    for k, channel in enumerate(activations.double()):
        mask = mask_of(
            channel, image.shape[1:], align_corners=align_corners, enlarge_last=enlarge_last
        )
        if mask is None and not keep_dead:
            continue
        mask = torch.zeros(image.shape[1:], dtype=torch.float64) if mask is None else mask
        scores = [score(image.double() * one) for one in masks(mask)]
        raised[k] = math.fsum(scores) / len(scores)
    weights = np.zeros(len(activations))
    top = max(raised.values(), default=0.0)
    total = math.fsum(math.exp(value - top) for value in raised.values())
    for k, value in raised.items():
        weights[k] = math.exp(value - top) / total
    return weights


def noisy_masks(noise: Tensor, std: float) -> Callable[[Tensor], list[Tensor]]:
    """SS-CAM's masks of a channel."""
    return lambda mask: [mask + std * one for one in noise]


def integrated_masks(samples: int, *, first: int = 0) -> Callable[[Tensor], list[Tensor]]:
    """IS-CAM's masks of a channel: running sums of (j / n) x mask, j from `first`."""

    def masks(mask: Tensor) -> list[Tensor]:
        found, running = [], torch.zeros_like(mask)
        for j in range(first, samples + first):
            running = running + j / samples * mask
            found.append(running)
        return found

    return masks


def ablationcam_weights(
    score: ClassScore, activations: Tensor, *, removed: Callable[[int], float] = lambda _: 0.0
) -> Floats:
    """(y - y_k) / |y|, channel by channel, with channel k set to `removed(k)`."""
    base = score(activations.double())
    weights = np.zeros(len(activations))
    for k in range(len(activations)):
        changed = activations.double().clone()
        changed[k] = removed(k)
        weights[k] = (base - score(changed)) / abs(base)
    return weights


def smooth_gradcam_pp_weights(
    activations: Floats,
    gradients: list[Floats],
    *,
    numerator: int = 2,
    product_in_sum: bool = False,
    last_gradient: bool = False,
    epsilon: float = 0.0,
) -> Floats:
    """One image: activations (K, H, W), the gradients of each noisy copy; cell by cell.

    With an epsilon, cells with a negative denominator count, as the code that has one does it.
    """
    n = len(gradients)
    weights = np.zeros(len(activations))
    for k, i, j in np.ndindex(*activations.shape):
        cell = [float(one[k, i, j]) for one in gradients]
        d1, d2, d3 = (math.fsum(g**power for g in cell) / n for power in (1, 2, 3))
        weighted_sum = d3 * float(activations[k].sum())
        if product_in_sum:
            cubes = np.mean([one[k] ** 3 for one in gradients], axis=0)
            weighted_sum = float((cubes * activations[k]).sum())
        denominator = 2 * d2 + weighted_sum + epsilon
        if denominator > 0 or epsilon:
            alpha = {1: d1, 2: d2}[numerator] / denominator
            weights[k] += alpha * max(cell[-1] if last_gradient else d1, 0.0)
    return weights


def class_map(activations: Tensor, weights: Floats) -> Floats:
    """relu(sum_k w_k A_k) of one image: (H, W)."""
    total = np.zeros(tuple(activations.shape[1:]))
    for weight, channel in zip(weights, activations.double().numpy(), strict=True):
        total += weight * channel
    return np.maximum(total, 0)
