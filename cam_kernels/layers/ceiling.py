"""Layers whose output is cut off from above, as ReLU6 does: strong activations are all alike."""

from collections import Counter
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


def find_ceiling(model: nn.Module, layer: str, images: Tensor) -> Ceiling | None:
    """What cuts off the output of `layer`, found by its values; None where nothing does, and
    where it is a function or runs more than once, whose input cannot be seen.

    images : Tensor, shape (N, C, H, W), as the model takes them
    """
    runs, cut = Counter[str](), dict[str, Tensor]()
    found: list[Ceiling] = []

    def compare(name: str, module: nn.Module, _inputs: Any, output: Any) -> None:
        runs[name] += 1
        if isinstance(module, nn.Hardtanh) and module.max_val < float("inf"):
            cut[name] = output.clone()  # what follows may work in place
        if name == layer and isinstance(output, Tensor) and output.any():
            found.extend(
                Ceiling(at, float(of.min_val), float(of.max_val))
                for at, before in cut.items()
                if before.shape == output.shape and torch.equal(before, output)
                and isinstance(of := model.get_submodule(at), nn.Hardtanh)
            )  # fmt: skip

    with torch.no_grad(), every_output(model, compare):
        model(images)
    alone = [ceiling for ceiling in found if runs[ceiling.module] == 1]
    return alone[-1] if alone else None
