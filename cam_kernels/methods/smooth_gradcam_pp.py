"""Smooth Grad-CAM++: Grad-CAM++ with derivatives averaged over noisy copies of the image."""

from collections.abc import Callable

import torch
from torch import Tensor

from cam_kernels.methods.extra_forwards import as_many, shared_noise

# gradients_of(images (N, C, h, w)) -> activations (N, K, H, W) and the gradients of each
# image's class logit by them, of the same shape or (N, K, 1, 1).
GradientsOf = Callable[[Tensor], tuple[Tensor, Tensor]]


def smooth_gradcam_pp_weights(
    images: Tensor,
    activations: Tensor,
    gradients_of: GradientsOf,
    *,
    samples: int = 25,
    spread: float = 0.15,
    seed: int = 0,
) -> Tensor:
    """Smooth Grad-CAM++ on the logit (arXiv:1908.01224).

    With D_p the mean of g^p over noisy copies of the image, alpha = D_2 / (2 D_2 + D_3 sum A)
    and w_k = sum_ij alpha relu(D_1); without noise that is Grad-CAM++. The paper prints D_1 as
    the numerator, which is not Grad-CAM++ for any noise and taken for a slip here. Where
    2 D_2 + D_3 sum A <= 0 alpha has no meaning (or no gradient) and counts as 0; no epsilon.

    It costs n forwards and n backwards per image. The noise is N(0, (spread * range)^2) with the
    range max - min of each image's values; 0.15 lies in the middle of SmoothGrad's advice
    (arXiv:1706.03825). All images see the same n draws, so no result depends on the batch.

    images : Tensor, shape (N, C, h, w), as the model takes them
    activations : Tensor, shape (N, K, H, W), of the images without noise
    gradients_of : see `GradientsOf`; called n times, with all N images
    samples : n, at least 1
    spread : standard deviation of the noise as a share of the range, >= 0
    seed : of the noise

    Returns: Tensor, shape (N, K), values >= 0.

    Raises: ValueError for samples below 1, a negative spread, or counts that differ.
    """
    as_many(images, activations)
    if spread < 0:
        raise ValueError(f"spread is {spread}; expected a share of the value range, >= 0")
    value_range = images.amax(dim=(1, 2, 3)) - images.amin(dim=(1, 2, 3))
    std = (spread * value_range)[:, None, None, None]
    noise = shared_noise(images.shape[1:], samples, seed, images)
    # Cubes of small gradients underflow in float32.
    powers = torch.arange(1, 4, device=images.device)[:, None, None, None, None]
    total = torch.zeros((), dtype=torch.float64, device=images.device)
    for one in noise:
        _, gradients = gradients_of(images + std * one)
        total = total + _as_activations(gradients, activations).double() ** powers
    first, second, third = total / samples
    activation_sum = activations.double().sum(dim=(2, 3), keepdim=True)
    denominator = 2 * second + activation_sum * third
    usable = ~(denominator <= 0)  # NaN stays NaN
    weighted = second * first.relu() / torch.where(usable, denominator, 1.0)
    weighted = torch.where(usable, weighted, 0.0).expand(activations.shape)
    return weighted.sum(dim=(2, 3)).to(activations.dtype)


def _as_activations(gradients: Tensor, activations: Tensor) -> Tensor:
    per_channel = (*activations.shape[:2], 1, 1)
    if gradients.shape not in (activations.shape, per_channel):
        raise ValueError(
            f"gradients_of returned gradients of shape {tuple(gradients.shape)}; expected "
            f"{tuple(activations.shape)} or {per_channel}"
        )
    return gradients.detach()
