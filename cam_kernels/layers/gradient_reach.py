"""Which layers' cells the logits depend on."""

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from cam_kernels.layers.grid_layout import GridLayout
from cam_kernels.layers.layer_outputs import every_output


def reached_by_gradient(
    model: nn.Module, layouts: dict[str, GridLayout], images: Tensor
) -> set[str]:
    """Names of the layers whose grid the logits have a gradient at, other than zero.

    In the last block of a network that classifies by a class token the other tokens get none.
    A layer that only puts its input in another shape is left out, as is one that runs more
    than once. Where the model cannot be differentiated at all, or its logits are
    not finite, every layer counts as reached.

    layouts : name of a layer to the layout of its output
    images : Tensor, shape (N, C, H, W), as the model takes them
    """
    outputs, score = _run(model, layouts, images)
    if not (score.requires_grad and score.isfinite()):
        return set(outputs)
    once = {name: runs[0] for name, runs in outputs.items() if len(runs) == 1}
    gradients = torch.autograd.grad(score, list(once.values()), allow_unused=True)
    return {
        name
        for name, gradient in zip(once, gradients, strict=True)
        if gradient is not None and bool((layouts[name].to_grid(gradient) != 0).any())
    }


def _run(
    model: nn.Module, layouts: dict[str, GridLayout], images: Tensor
) -> tuple[dict[str, list[Tensor]], Tensor]:
    """The outputs of each run of each layer, in the graph of the score that is returned, too."""
    outputs: dict[str, list[Tensor]] = defaultdict(list)

    # The first of the layers begins the graph, whatever of the model or the images is frozen.
    def keep(name: str, layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> Tensor | None:
        if name not in layouts or _only_moves(layer, inputs, output):
            return None
        kept: Tensor = output if output.requires_grad else output.detach().requires_grad_()
        outputs[name].append(kept)
        return kept.clone()  # what follows may work in place

    with torch.inference_mode(False), torch.enable_grad(), every_output(model, keep):
        logits = functional_call(model, _frozen_parameters(model), (images.clone(),))
        # The sum of probabilities is constant; this one is not.
        return outputs, (logits * torch.linspace(-1, 1, logits.shape[1]).to(logits)).sum()


def _only_moves(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> bool:
    """Whether a layer without parts or parameters gives its input's numbers another shape."""
    if any(layer.children()) or any(True for _ in layer.parameters()) or not inputs:
        return False
    source = inputs[0]
    return (
        isinstance(source, Tensor)
        and source.shape != output.shape
        and source.numel() == output.numel()
    )


def _frozen_parameters(model: nn.Module) -> dict[str, Tensor]:
    """The parameters, out of any graph. An untrained head of zeros would let no gradient pass,
    though a trained one does: for such matrices others stand in."""
    return {name: _stand_in(value.detach()) for name, value in model.named_parameters()}


def _stand_in(value: Tensor) -> Tensor:
    if value.ndim < 2 or not value.numel() or bool(value.any()):
        return value
    scale = value[0].numel() ** -0.5
    return torch.linspace(-scale, scale, value.numel()).reshape(value.shape).to(value)
