"""Recognising a head of global pooling and one linear layer, as CAM needs it."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from cam_kernels.layers.grid_layout import GridLayout
from cam_kernels.layers.target_layer import layer_layout, output_hook

Pooling = Literal["mean", "max"]


@dataclass(frozen=True)
class PooledLinearHead:
    """logits = weight @ pooled activations + bias (section 2, arXiv:1512.04150).

    weight : Tensor, shape (classes, K)
    bias : Tensor, shape (classes,)
    pooling : over all positions, "mean" (GAP) or "max" (GMP)
    """

    weight: Tensor
    bias: Tensor
    pooling: Pooling

    def gradients(self, class_idx: Tensor, positions: int) -> Tensor:
        """d logit_c / dA behind GAP, the same at every position: shape (N, K, 1, 1).

        class_idx : Tensor, shape (N,), int64
        positions : cells of the grid, Z

        Raises: ValueError behind GMP, where only the maximum has a gradient.
        """
        if self.pooling != "mean":
            raise ValueError("the gradient behind global max pooling depends on the activations")
        return (self.weight[class_idx] / positions)[:, :, None, None]


def find_pooled_linear_head(
    model: nn.Module, target_layer: str, images: Tensor
) -> PooledLinearHead | None:
    """The head after `target_layer` if it is global pooling and one linear layer, else None.

    The structure of the code proves nothing (a forward may do anything between two modules),
    so the claim is tested: random activations of both signs, small and large, are put in place
    of the layer's output, and the model's logits must be those of the formula. Tokens before
    the grid stay the model's own, so that a head that reads them is none of this kind.

    images : Tensor, shape (N, C, H, W), as the model takes them

    Raises: ValueError where the layer's output is no grid.
    """
    layout = layer_layout(model, target_layer, images)
    trials = []
    for scale in (1.0, 1000.0):  # a clamp or a soft cap shows only at large values
        trial = _trial(model, target_layer, layout, images, scale)
        if trial is None:
            return None
        trials.append(trial)
    activations, logits = trials[0]
    for module in reversed(list(model.modules())):
        linear = _as_linear(module, activations.shape[1], logits.shape[1])
        if linear is None:
            continue
        for pooling in get_args(Pooling):
            head = PooledLinearHead(*linear, pooling)
            if all(_fits(head, *trial) for trial in trials):
                return head
    return None


def _trial(
    model: nn.Module, target_layer: str, layout: GridLayout | None, images: Tensor, scale: float
) -> tuple[Tensor, Tensor] | None:
    """Random activations and the logits that the model makes of them."""
    generator = torch.Generator().manual_seed(0)
    seen: list[Tensor] = []

    def inject(output: Tensor) -> Tensor:
        seen.append(scale * torch.randn(output.shape, generator=generator).to(output))
        return seen[-1].clone()  # an in-place successor must not change what was noted

    with torch.no_grad(), output_hook(model, target_layer, inject, layout):
        logits = model(images)
    is_logits = isinstance(logits, Tensor) and logits.ndim == 2
    return (seen[0], logits) if len(seen) == 1 and is_logits else None


def _fits(head: PooledLinearHead, activations: Tensor, logits: Tensor) -> bool:
    pooled = activations.mean(dim=(2, 3)) if head.pooling == "mean" else activations.amax((2, 3))
    evidence = pooled @ head.weight.T
    scale = float(evidence.abs().max())  # 0 for an untrained head: nothing to compare
    expected = evidence + head.bias
    return scale > 0 and torch.allclose(logits, expected, rtol=1e-3, atol=1e-4 * scale)


def _as_linear(module: nn.Module, channels: int, classes: int) -> tuple[Tensor, Tensor] | None:
    weight: Any = getattr(module, "weight", None)
    is_linear = isinstance(module, nn.Linear)
    is_pointwise = isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1)
    if not (is_linear or is_pointwise) or weight.numel() != channels * classes:
        return None
    weight = weight.detach().reshape(classes, channels)
    bias: Any = module.bias
    bias = weight.new_zeros(classes) if bias is None else bias.detach()
    return weight, bias
