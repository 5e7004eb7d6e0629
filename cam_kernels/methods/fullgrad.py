"""FullGrad: a map of the image's size from the input and from every bias (arXiv:1905.00780)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from cam_kernels.methods.full_gradients import Scores, full_gradients


def fullgrad_map(model: nn.Module, images: Tensor, score: Scores) -> Tensor:
    """FullGrad: psi(input term) + sum over layers and channels of psi(bias term).

    psi is the absolute value, rescaled to [0, 1] over each image's term of one layer (all of
    its channels together, as in the authors' code, github.com/idiap/fullgrad-saliency), then
    enlarged bilinearly with corners aligned. A term that is constant counts as 0. The authors'
    1e-6 below the line is left out, so that the score's scale does not change the map.
    Layers without a grid (a linear head) have no place in the map. For ReLU-type networks
    only: elsewhere implicit biases are missing from the map, see `full_gradients`.

    model : nn.Module in eval mode; it is not changed
    images : Tensor, shape (N, C, H, W), as the model takes them
    score : from logits of shape (N, classes) to scores of shape (N,), one image each

    Returns: Tensor, shape (N, H, W), the images' size, values >= 0, without a unit.

    Raises: ValueError for a batch norm that uses the batch, or scores of another shape.
    """
    terms = full_gradients(model, images, score)
    total = _rescaled(terms.input_term).sum(dim=1)
    for term in terms.bias_terms:
        if term.ndim == 4:
            # Enlarging is linear, so the channels may be summed before it.
            share = _rescaled(term).sum(dim=1, keepdim=True)
            enlarged = functional.interpolate(
                share, size=images.shape[2:], mode="bilinear", align_corners=True
            )
            total = total + enlarged[:, 0]
    return total


def _rescaled(term: Tensor) -> Tensor:
    magnitude = term.abs()
    lowest = magnitude.amin(dim=(1, 2, 3), keepdim=True)
    span = magnitude.amax(dim=(1, 2, 3), keepdim=True) - lowest
    return (magnitude - lowest) / torch.where(span == 0, 1.0, span)
