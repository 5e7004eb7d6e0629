"""Methods that show the strongest common pattern of the channels: a singular vector.

Each image has a decomposition of its own. It is that of the smaller Gram matrix, in float64:
squaring costs half of the digits, of which float64 has twice those of the result, and what is
decomposed is 49 x 49 instead of 49 x 2048 behind ResNet-50.
"""

import torch
from torch import Tensor

from cam_kernels.methods.precision import widened


def eigencam_map(activations: Tensor) -> Tensor:
    """Eigen-CAM: activations projected on their first right singular vector (arXiv:2008.00299).

    With X the matrix of H W positions by K channels and X = U S V^T, the map is X v_1, which is
    s_1 u_1. As in the paper, X is not centred (pytorch-grad-cam centres it).

    A singular vector has no sign of its own. Here it is the one with which the map agrees
    (has a positive inner product) with the sum of the channels; for activations >= 0 the map is
    then >= 0. The map does not depend on a class.

    activations : Tensor, shape (N, K, H, W)

    Returns: Tensor, shape (N, H, W), any sign, in the units of the activations; NaN throughout
    for an image with a value that is not finite. Where the two largest singular values are
    equal, the direction is not unique.
    """
    return _first_projection(activations)


def eigen_gradcam_map(activations: Tensor, gradients: Tensor) -> Tensor:
    """Eigen-CAM of gradient x activation, which makes it depend on the class.

    It has no paper; it is `EigenGradCAM` of the pytorch-grad-cam library, here without the
    centring and with a sign: the map agrees (has a positive inner product) with
    sum_k g_k A_k, the HiResCAM map.

    activations : Tensor, shape (N, K, H, W)
    gradients : Tensor, shape (N, K, H, W) or (N, K, 1, 1), of the class logit

    Returns: Tensor, shape (N, H, W), any sign, in the units of the logit; NaN throughout for an
    image with a value that is not finite.
    """
    return _first_projection(widened(gradients) * widened(activations))


def _first_projection(values: Tensor) -> Tensor:
    matrices = values.flatten(2).double()  # (N, K, H W): the transpose of the papers' X
    finite = matrices.isfinite().all(dim=2).all(dim=1)[:, None, None]
    matrices = torch.where(finite, matrices, 0.0)  # the solver would refuse the whole batch
    channels, positions = matrices.shape[1:]
    if positions <= channels:
        eigenvalues, eigenvectors = torch.linalg.eigh(matrices.mT @ matrices)
        projection = eigenvectors[:, :, -1] * eigenvalues[:, -1:].clamp_min(0).sqrt()
    else:
        _, eigenvectors = torch.linalg.eigh(matrices @ matrices.mT)
        projection = (eigenvectors[:, :, -1:].mT @ matrices)[:, 0]
    projection = projection * _agreeing_sign(projection, matrices.sum(dim=1))
    maps = torch.where(finite[:, 0], projection, torch.nan)
    return maps.to(widened(values).dtype).view(-1, *values.shape[2:])


def _agreeing_sign(projection: Tensor, total: Tensor) -> Tensor:
    """+1 or -1 for each row; where the two are orthogonal, the largest value becomes positive."""
    agreement = (projection * total).sum(dim=1, keepdim=True)
    largest = projection.gather(1, projection.abs().argmax(dim=1, keepdim=True))
    decides = torch.where(agreement == 0, largest, agreement)
    return torch.where(decides < 0, -1.0, 1.0)
