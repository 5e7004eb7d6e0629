"""From channel weights and gradients to maps, and from the maps of several layers to one."""

import torch
from torch import Tensor
from torch.nn import functional

from cam_kernels.methods.precision import widened


def heatmap(activations: Tensor, channel_weights: Tensor) -> Tensor:
    """The class activation map, relu(sum_k w_k A_k) (eq. 2, arXiv:1610.02391).

    activations : Tensor, shape (N, K, H, W)
    channel_weights : Tensor, shape (N, K)

    Returns: Tensor, shape (N, H, W), values >= 0, in the units of the class logit.
    """
    return _weighted_sum(activations, channel_weights).relu()


def gradient_times_activation(activations: Tensor, gradients: Tensor) -> Tensor:
    """sum_k g_k A_k at each position, signed.

    activations : Tensor, shape (N, K, H, W)
    gradients : Tensor, shape (N, K, H, W) or (N, K, 1, 1)

    Returns: Tensor, shape (N, H, W), any sign, in the units of the logit.
    """
    if gradients.shape[2:] == (1, 1):
        return _weighted_sum(activations, gradients.flatten(1))
    return (widened(gradients) * widened(activations)).sum(dim=1)


def contrast_map(activations: Tensor, gradient_difference: Tensor) -> Tensor:
    """Where the evidence for one class exceeds that for another: sum_k g_k A_k, signed.

    With g = d(S_a - S_b)/dA this is the difference of two maps in gradient x activation form
    (HiResCAM, arXiv:2011.08891). For a GAP + linear head it is CAM's and exact: its sum is
    S_a - S_b less the difference of the two biases.

    activations : Tensor, shape (N, K, H, W)
    gradient_difference : Tensor, shape (N, K, H, W) or (N, K, 1, 1)

    Returns: Tensor, shape (N, H, W), any sign, in the units of the logit.
    """
    return gradient_times_activation(activations, gradient_difference)


def fuse_layers(maps: list[Tensor]) -> Tensor:
    """One map from those of several layers: each divided by its maximum, enlarged, averaged.

    Each image's map is divided by its own largest value, so that no layer outvoices another by
    its scale, and is then enlarged bilinearly to the finest grid. A map without a positive
    value counts as 0 everywhere; negative values of a signed map are kept.

    maps : Tensors of shape (N, H_l, W_l), of the same N images

    Returns: Tensor, shape (N, max H_l, max W_l), values <= 1; in [0, 1] for maps >= 0.

    Raises: ValueError for no maps, or maps of different numbers of images.
    """
    counts = [len(layer) for layer in maps]
    if not maps or len(set(counts)) != 1 or any(layer.ndim != 3 for layer in maps):
        raise ValueError(
            "the maps to fuse must be one or more tensors of shape (N, H, W) of the same N "
            f"images; got shapes {[tuple(layer.shape) for layer in maps]}"
        )
    finest = (max(layer.shape[1] for layer in maps), max(layer.shape[2] for layer in maps))
    shares = [_share_of_maximum(widened(layer))[:, None] for layer in maps]
    enlarged = [functional.interpolate(share, size=finest, mode="bilinear") for share in shares]
    return torch.cat(enlarged, dim=1).mean(dim=1)


def _share_of_maximum(maps: Tensor) -> Tensor:
    largest = maps.amax(dim=(1, 2), keepdim=True)
    empty = largest <= 0  # False for NaN, which stays NaN
    return torch.where(empty, 0.0, maps / torch.where(empty, 1.0, largest))


def _weighted_sum(activations: Tensor, channel_weights: Tensor) -> Tensor:
    positions = widened(activations).flatten(2)
    weights = widened(channel_weights)[:, None].to(positions.dtype)
    return torch.bmm(weights, positions).view(-1, *activations.shape[2:])
