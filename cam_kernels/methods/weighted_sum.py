"""From channel weights and gradients to maps."""

import torch
from torch import Tensor


def heatmap(activations: Tensor, channel_weights: Tensor) -> Tensor:
    """The class activation map, relu(sum_k w_k A_k) (eq. 2, arXiv:1610.02391).

    activations : Tensor, shape (N, K, H, W)
    channel_weights : Tensor, shape (N, K)

    Returns: Tensor, shape (N, H, W), values >= 0, in the units of the class logit.
    """
    return _weighted_sum(activations, channel_weights).relu()


def contrast_map(activations: Tensor, gradient_difference: Tensor) -> Tensor:
    """Where the evidence for one class exceeds that for another: sum_k g_k A_k, signed.

    With g = d(S_a - S_b)/dA this is the difference of two maps in gradient x activation form
    (HiResCAM, arXiv:2011.08891). For a GAP + linear head it is CAM's and exact: its sum is
    S_a - S_b less the difference of the two biases.

    activations : Tensor, shape (N, K, H, W)
    gradient_difference : Tensor, shape (N, K, H, W) or (N, K, 1, 1)

    Returns: Tensor, shape (N, H, W), any sign, in the units of the logit.
    """
    if gradient_difference.shape[2:] == (1, 1):
        return _weighted_sum(activations, gradient_difference.flatten(1))
    return (gradient_difference * activations).sum(dim=1)


def _weighted_sum(activations: Tensor, channel_weights: Tensor) -> Tensor:
    positions = activations.flatten(2)
    return torch.bmm(channel_weights[:, None], positions).view(-1, *activations.shape[2:])
