"""Receptive fields of eleven architectures against gradients with respect to random inputs."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from cam_kernels.layers.receptive_field import receptive_field

# name: a layer whose field fits the input, the input's side, a cell whose field is inside
LAYERS = {
    "alexnet": ("features.5", 127, (3, 3)),
    "vgg11_bn": ("features.7", 64, (7, 7)),
    "resnet18": ("layer2", 160, (10, 10)),
    "resnet50": ("layer1", 80, (9, 10)),
    "resnext50_32x4d": ("layer1", 80, (10, 9)),
    "densenet121": ("features.denseblock1.denselayer3", 80, (9, 9)),
    "squeezenet1_1": ("features.4", 80, (8, 8)),
    "mobilenet_v2": ("features.5", 112, (6, 6)),
    "googlenet": ("conv3", 80, (9, 9)),
    "mnasnet0_5": ("layers.8", 112, (13, 12)),
    "regnet_y_400mf": ("stem", 40, (9, 8)),
}


class Reached(Exception):
    """The layer has run; what follows it need not."""


def brute_force(model: nn.Module, layer: str, side: int, cell: tuple[int, int]) -> list[int]:
    """The smallest box around every pixel whose gradient is not 0 for some of many random
    inputs; ReLUs and max pooling pass another part of it each time."""
    grids: list[Tensor] = []

    def stop(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        grids.append(output)
        raise Reached

    model.get_submodule(layer).register_forward_hook(stop)
    seen = np.zeros((side, side), dtype=bool)
    for seed in range(6):
        generator = torch.Generator().manual_seed(seed)
        images = torch.randn((4, 3, side, side), generator=generator, requires_grad=True)
        with pytest.raises(Reached):
            model(images)
        units = grids.pop()[:, :, cell[0], cell[1]]
        signs = torch.randn(units.shape, generator=generator)
        (gradient,) = torch.autograd.grad((units * signs).sum(), images)
        seen |= (gradient != 0).any(dim=1).any(dim=0).numpy()
    rows, cols = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return [int(edge) for edge in (rows[0], cols[0], rows[-1] + 1, cols[-1] + 1)]


@pytest.mark.parametrize("name", LAYERS)
def test_the_field_is_what_gradients_reach(name: str) -> None:
    layer, side, cell = LAYERS[name]
    torch.manual_seed(0)
    extra = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    model = models.get_model(name, weights=None, **extra).eval()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):  # He's variance: signals reach deep layers
            nn.init.kaiming_normal_(module.weight)
    field = receptive_field(model, layer)
    assert field is not None
    found = brute_force(model, layer, side, cell)
    assert min(found[:2]) > 0 and max(found[2:]) < side, "the input's edge may hide a part"
    assert list(field.box(*cell)) == found
