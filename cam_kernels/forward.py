"""What one forward of a batch gave, and the maps that follow from it."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from cam_kernels.evidence import LayerEvidence
from cam_kernels.methods.registry import METHODS
from cam_kernels.methods.weighted_sum import fuse_layers
from cam_kernels.targets import Target


class Forward:
    """What one forward of a batch gave.

    images : Tensor, shape (N, C, H, W)
    output : what the model returned
    layers : the evidence at each target layer
    """

    def __init__(self, images: Tensor, output: Any, layers: dict[str, LayerEvidence]) -> None:
        self.images, self.output, self.layers = images, output, layers

    @property
    def logits(self) -> Tensor:
        """(N, classes) float32, without a graph."""
        return self.output.detach().float()

    def map(self, method: str, target: Target) -> Tensor:
        """(N, H, W) float32: the raw map on the layer's grid; of several layers, fused."""
        compute = METHODS[method].map
        maps = [compute(evidence, target) for evidence in self.layers.values()]
        return maps[0] if len(maps) == 1 else fuse_layers(maps)

    def maps(self, methods: Sequence[str], targets: Sequence[Target]) -> dict[str, Tensor]:
        """(N, targets, H, W) float32 by each method."""
        return {
            method: torch.stack([self.map(method, target) for target in targets], dim=1)
            for method in methods
        }
