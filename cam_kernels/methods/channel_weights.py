"""Methods that give one weight per channel, from activations and gradients.

`gradients` may have spatial size 1 x 1, which means "the same at every position": that is
the exact gradient of a global-average-pooling (GAP) head, `w_c / Z`.

Half precision is widened to float32 before anything is summed; weights are then float32.
"""

import torch
from torch import Tensor

from cam_kernels.methods.precision import widened


def gradcam_weights(activations: Tensor, gradients: Tensor) -> Tensor:
    """Grad-CAM: the mean gradient of each channel (eq. 1, arXiv:1610.02391).

    activations : Tensor, shape (N, K, H, W); only its shape is used
    gradients : Tensor, shape (N, K, H, W) or (N, K, 1, 1), of the class logit

    Returns: Tensor, shape (N, K), any sign.
    """
    return widened(gradients).mean(dim=(2, 3))


def cam_weights(activations: Tensor, gradients: Tensor) -> Tensor:
    """CAM: the weights of the class in the linear head (eq. 2, arXiv:1512.04150).

    The gradient of a GAP + linear head is `w_c / Z` at each of the Z positions, so `w_c` is
    its sum over them. Use it with such a head only; elsewhere the sum has no such meaning.

    activations : Tensor, shape (N, K, H, W); only its shape is used
    gradients : Tensor, shape (N, K, H, W) or (N, K, 1, 1), of the class logit

    Returns: Tensor, shape (N, K), any sign.
    """
    return _sum_over_positions(widened(gradients), activations)


def gradcam_pp_weights(activations: Tensor, gradients: Tensor) -> Tensor:
    """Grad-CAM++ on the logit (eq. 19 for alpha, eq. 5 for the weights, arXiv:1710.11063).

    With g the gradient, alpha = g^2 / (2 g^2 + g^3 sum A) = 1 / (2 + g sum A), and
    w_k = sum_ij alpha relu(g). The second form does not underflow for small gradients.
    Where 2 + g sum A <= 0 (possible only if activations are negative) alpha has no meaning
    and counts as 0.

    activations : Tensor, shape (N, K, H, W)
    gradients : Tensor, shape (N, K, H, W) or (N, K, 1, 1), of the class logit

    Returns: Tensor, shape (N, K), values >= 0.
    """
    activations, gradients = widened(activations), widened(gradients)
    denominator = 2 + gradients * activations.sum(dim=(2, 3), keepdim=True)
    usable = ~(denominator <= 0)  # NaN stays NaN
    weighted = gradients.relu() / torch.where(usable, denominator, 1.0)
    return _sum_over_positions(torch.where(usable, weighted, 0.0), activations)


def gradcam_pp_official_weights(activations: Tensor, gradients: Tensor) -> Tensor:
    """Grad-CAM++ as in its authors' code: alpha normalised to sum one over positions.

    Positions whose gradient is not positive are left out of the normalisation. The factor
    exp(S_c) of the authors' code, which only scales the map, is left out.

    activations : Tensor, shape (N, K, H, W)
    gradients : Tensor, shape (N, K, H, W) or (N, K, 1, 1), of the class logit

    Returns: Tensor, shape (N, K), values >= 0 for activations >= 0.
    """
    activations, gradients = widened(activations), widened(gradients)
    denominator = 2 + gradients * activations.sum(dim=(2, 3), keepdim=True)
    alpha = torch.where(denominator == 0, 1.0, 1 / denominator)
    alpha = torch.where(gradients > 0, alpha, 0.0)
    total = _sum_over_positions(alpha, activations)[:, :, None, None]
    alpha = alpha / torch.where(total == 0, 1.0, total)
    return _sum_over_positions(alpha * gradients.relu(), activations)


def gradcam_pp_epsilon_weights(activations: Tensor, gradients: Tensor) -> Tensor:
    """Grad-CAM++ with the +1e-6 of the pytorch-grad-cam library, for comparison with it.

    For gradients below about 1e-3 the constant outweighs 2 g^2, so these weights depart
    from equation 19, the more the smaller the gradient.

    activations : Tensor, shape (N, K, H, W)
    gradients : Tensor, shape (N, K, H, W) or (N, K, 1, 1), of the class logit

    Returns: Tensor, shape (N, K), values >= 0 for activations >= 0.
    """
    activations, gradients = widened(activations), widened(gradients)
    squared, cubed = gradients.square(), gradients.pow(3)
    activation_sum = activations.sum(dim=(2, 3), keepdim=True)
    alpha = squared / (2 * squared + activation_sum * cubed + 1e-6)
    alpha = torch.where(gradients != 0, alpha, 0.0)
    return _sum_over_positions(alpha * gradients.relu(), activations)


def xgradcam_weights(activations: Tensor, gradients: Tensor) -> Tensor:
    """XGrad-CAM: the gradient averaged with the activations as weights (eq. 8, arXiv:2008.02312).

    w_k = sum_ij A_ij g_ij / sum_ij A_ij. Where the sum of a channel is exactly 0 the quotient
    has no meaning and the weight counts as 0: behind a ReLU such a channel is dead and adds
    nothing to the map either way. No constant is added below the line; where activations of
    both signs nearly cancel, weights are as large as the formula makes them.

    activations : Tensor, shape (N, K, H, W)
    gradients : Tensor, shape (N, K, H, W) or (N, K, 1, 1), of the class logit

    Returns: Tensor, shape (N, K), any sign.
    """
    activations, gradients = widened(activations), widened(gradients)
    total = activations.sum(dim=(2, 3))
    weighted = (activations * gradients).sum(dim=(2, 3))
    return torch.where(total == 0, 0.0, weighted / torch.where(total == 0, 1.0, total))


def _sum_over_positions(values: Tensor, activations: Tensor) -> Tensor:
    """Sum over the grid of `activations`; values of spatial size 1 x 1 stand for all of it."""
    repeats = activations.shape[2:].numel() // values.shape[2:].numel()
    return values.sum(dim=(2, 3)) * repeats
