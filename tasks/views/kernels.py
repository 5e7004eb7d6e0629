"""Kernels: the weights of convolutions, the strongest first."""

import torch
from torch import Tensor

from tasks.views.explain_plan import ExplainPlan
from tasks.views.explanation import Kernels

FIRST_SHOWN = 96
SLICES = 16


def kernels(plan: ExplainPlan) -> tuple[Kernels, ...]:
    """The first convolution, and of the deeper ones the second and the last whose kernels are
    larger than 1 x 1, and those among the feature layers."""
    # By parameter, not by module: an exported program has no Conv2d.
    found = {
        name.removesuffix(".weight"): parameter.detach().float().cpu()
        for name, parameter in plan.loaded.module.named_parameters()
        if name.endswith(".weight") and parameter.ndim == 4
    }
    wide = [name for name, weights in found.items() if weights.shape[2:].numel() > 1]
    wanted = [*list(found)[:1], *wide[1:2], *wide[-1:]]
    wanted += [name for name in plan.feature_layers if name in found]
    return tuple(_strongest(name, found[name]) for name in dict.fromkeys(wanted))


def _strongest(layer: str, weights: Tensor) -> Kernels:
    coloured = weights.shape[1] == 3
    units = _order(weights)[: FIRST_SHOWN if coloured else _units(weights)]
    shown = weights[units]
    channels = torch.arange(3) if coloured else _order(shown.transpose(0, 1))
    return Kernels(
        layer=layer,
        weights=shown[:, channels].numpy(),
        units=tuple(units.tolist()),
        channels=tuple(channels.tolist()),
        total=len(weights),
    )


def _units(weights: Tensor) -> int:
    return FIRST_SHOWN if weights.shape[1] == 1 else SLICES  # depthwise: one slice per unit


def _order(weights: Tensor) -> Tensor:
    size = weights.flatten(1).double().square().sum(dim=1)
    return size.argsort(descending=True, stable=True)
