"""Ceilings are found by values, and peaks behind them are those of the activations before."""

import numpy as np
import pytest
import torch
from torch import nn

from cam_kernels.first_pass import FirstPass
from cam_kernels.layers.ceiling import Ceiling, find_ceilings
from tests import reference
from tests.cam_kernels.architectures import build, noise


class Network(nn.Module):
    """A convolution, something after it, and a head."""

    def __init__(self, after: nn.Module, twice: bool = False) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), after)
        self.head, self.twice = nn.Linear(6, 4), twice
        with torch.no_grad():
            for parameter in self.trunk[0].parameters():
                parameter.mul_(20)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        grid = self.trunk(images)
        if self.twice:
            grid = self.trunk[2](-grid)
        return self.head(grid.mean(dim=(2, 3)))


class Functional(nn.Module):
    def forward(self, grid: torch.Tensor) -> torch.Tensor:
        return nn.functional.relu6(grid)


class Added(nn.Sequential):
    """Works on what the ReLU6 put out."""

    def forward(self, grid: torch.Tensor) -> torch.Tensor:
        return self[0](grid).add_(1)


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("layer", ["trunk", "trunk.2"])
def test_a_module_that_cuts_off_is_found(layer: str, inplace: bool) -> None:
    model = Network(nn.ReLU6(inplace=inplace)).eval()
    assert find_ceilings(model, [layer], noise(2)) == {layer: Ceiling("trunk.2", 0.0, 6.0)}
    model = Network(nn.Hardtanh(-1.5, 2.5, inplace=inplace)).eval()
    assert find_ceilings(model, [layer], noise(2)) == {layer: Ceiling("trunk.2", -1.5, 2.5)}


@pytest.mark.parametrize(
    "model",
    [
        Network(nn.ReLU()),
        Network(Functional()),
        Network(Added(nn.ReLU6())),
        Network(nn.Hardtanh(0, float("inf"))),
        Network(nn.ReLU6(), twice=True),
    ],
    ids=["relu", "function", "changed", "no ceiling", "twice"],
)
def test_what_has_none_or_hides_it_has_none(model: Network) -> None:
    assert find_ceilings(model.eval(), ["trunk"], noise(2)) == {}


def test_several_layers_are_told_from_one_forward() -> None:
    model = Network(nn.ReLU6()).eval()
    forwards: list[int] = []
    model.register_forward_hook(lambda *_: forwards.append(1))
    found = find_ceilings(model, ["trunk.1", "trunk", "trunk.2"], noise(2))
    assert found == dict.fromkeys(["trunk.2", "trunk"], Ceiling("trunk.2", 0.0, 6.0))
    assert len(forwards) == 1


@pytest.mark.parametrize("exact", [False, True], ids=["fast", "exact"])
@pytest.mark.parametrize("name", ["mobilenet_v2", "network"])
def test_peaks_are_those_before_the_ceiling(name: str, exact: bool) -> None:
    if name == "network":
        torch.manual_seed(2)
        model: nn.Module = Network(nn.ReLU6(inplace=True)).eval()
        target, before = "trunk", "trunk.1"
    else:
        model, target, _ = build(name)
        before = f"{target}.18.1"
        torch.nn.init.constant_(model.get_submodule(before).weight, 9.0)
    images, labels = noise(3), torch.tensor([0, 1, -1])
    batch = FirstPass(model, target, ["gradcam++"], noise(2, seed=9), exact=exact)(images, labels)
    uncut, _ = reference.activations_and_gradients(model, before, images, [0, 0, 0])
    flat = uncut.reshape(*uncut.shape[:2], -1)
    largest = np.maximum(flat.max(axis=2), 0)
    assert (largest > 6).mean() > 0.05
    allowed = 1e-4 * largest.max()
    np.testing.assert_allclose(batch.unit_max.double(), largest, rtol=0, atol=allowed)
    at = np.take_along_axis(flat, batch.unit_position.numpy()[..., None], axis=2)[..., 0]
    np.testing.assert_allclose(np.maximum(at, 0), largest, rtol=0, atol=allowed)
    assert batch.pooled.max() <= 6  # the model goes on with its own activations
