"""What is asked of synthetic images besides a strong activation."""

import torch
from torch import Tensor


def total_variation(images: Tensor) -> Tensor:
    """Squared differences of neighbouring pixels, summed over colours, per pixel: eq. 5 of
    Mahendran and Vedaldi (arXiv:1412.0035) with beta = 2, divided by H W.

    images : Tensor, shape (N, C, H, W)

    Returns: Tensor, shape (N,), >= 0; 0 for an even image.
    """
    across = images.diff(dim=3).square().sum(dim=(1, 2, 3))
    down = images.diff(dim=2).square().sum(dim=(1, 2, 3))
    return (across + down) / images.shape[2:].numel()


def style_similarity(activations: Tensor, per_unit: int) -> Tensor:
    """How alike the images of one unit are: mean cosine between the Gram matrices of their
    activations, over all pairs (the diversity term in Olah et al., "Feature Visualization",
    Distill 2017, with the sign turned).

    The Gram matrix of an image is G_kl = sum over positions of A_k A_l.

    activations : Tensor, shape (N, K, H, W) or (N, K); images of one unit stand together
    per_unit : images of each unit, which divides N

    Returns: Tensor, shape (N / per_unit,), in [-1, 1]; 0 for one image per unit.
    """
    positions = activations.reshape(*activations.shape[:2], -1)
    gram = torch.bmm(positions, positions.transpose(1, 2)).flatten(1)
    gram = gram / gram.norm(dim=1, keepdim=True).clamp(min=torch.finfo(gram.dtype).tiny)
    of_unit = gram.unflatten(0, (-1, per_unit))
    cosines = torch.bmm(of_unit, of_unit.transpose(1, 2))
    pairs = torch.triu_indices(per_unit, per_unit, offset=1, device=cosines.device)
    return cosines[:, pairs[0], pairs[1]].sum(dim=1) / max(1, pairs.shape[1])
