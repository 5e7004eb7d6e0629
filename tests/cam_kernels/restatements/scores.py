"""Scores other than the plain logit, and exact gradients of any score."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from tests.reference import Floats

Score = Callable[[Tensor, int], Tensor]  # of one image's logits and class


def rest_score(logits: Tensor, class_idx: int) -> Tensor:
    """Logit plus log of the softmax, of one image (arXiv:2501.06261)."""
    return logits[class_idx] + logits[class_idx] - torch.log(torch.exp(logits).sum())


def gradients_at(
    model: nn.Module,
    layer: str,
    images: Tensor,
    activations: Floats,
    score: Callable[[Tensor], Tensor],
) -> Floats:
    """Gradient of score(logits) where `activations` stand in for the layer's output."""
    exact = copy.deepcopy(model).eval().double()
    leaf = torch.tensor(activations, requires_grad=True)
    handle = exact.get_submodule(layer).register_forward_hook(lambda *_: leaf.clone())
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(score(exact(images.double())), leaf)
    handle.remove()
    return gradient.numpy()


def finer_score(logits: Tensor, class_idx: int, similar: int, strength: float) -> Tensor:
    """S_c less strength times the mean of the closest logits, of one image (arXiv:2501.11309)."""
    values = logits.tolist()
    others = sorted(
        (abs(value - values[class_idx]), d) for d, value in enumerate(values) if d != class_idx
    )
    closest = [d for _, d in others[:similar]]
    mean = sum(logits[d] for d in closest) / len(closest)
    return logits[class_idx] - strength * mean
