"""Layers whose output is cut off from above, as ReLU6 does: strong activations are all alike."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from cam_kernels.layers.layer_outputs import every_output


class Ceiling(NamedTuple):
    """module : name of the `nn.Hardtanh` (`nn.ReLU6` is one) whose output is the layer's
    least, most : what it cuts its input off at
    """

    module: str
    least: float
    most: float


def find_ceilings(model: nn.Module, layers: Sequence[str], images: Tensor) -> dict[str, Ceiling]:
    """What cuts off the outputs of layers, found by their values in one forward. A layer is left
    out where nothing does, and where it is a function or runs more than once, whose input cannot
    be seen.

    images : Tensor, shape (N, C, H, W), as the model takes them
    """
    runs, cut = Counter[str](), dict[str, Tensor]()
    behind: dict[str, str] = {}

    def compare(name: str, module: nn.Module, _inputs: Any, output: Any) -> None:
        runs[name] += 1
        if isinstance(module, nn.Hardtanh) and module.max_val < float("inf"):
            cut[name] = output.clone()  # what follows may work in place
        if name in layers and isinstance(output, Tensor) and output.any():
            same = [at for at, before in cut.items() if _equal(before, output)]
            behind.update({name: same[-1]} if same else {})

    with torch.no_grad(), every_output(model, compare):
        model(images)
    modules = {name: model.get_submodule(at) for name, at in behind.items() if runs[at] == 1}
    return {
        name: Ceiling(behind[name], float(module.min_val), float(module.max_val))
        for name, module in modules.items()
        if isinstance(module, nn.Hardtanh)
    }


def _equal(before: Tensor, output: Tensor) -> bool:
    return before.shape == output.shape and torch.equal(before, output)
