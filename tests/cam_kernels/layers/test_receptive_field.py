"""Receptive fields against an oracle in which NaN spreads through the network."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cam_kernels.layers.receptive_field import ReceptiveField, receptive_field, receptive_fields
from tests import reference
from tests.cam_kernels.architectures import torchvision_model


class Net(nn.Module):
    """Two convolutions and a target layer; `path` says how they are put together."""

    def __init__(self, path: Callable[["Net", Tensor], Tensor]) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.wide = nn.Conv2d(4, 4, (5, 3), padding=2, dilation=(1, 2))
        self.small = nn.Conv2d(4, 4, 1)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1), nn.Sigmoid())
        self.pyramid = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Conv2d(4, 4, 1))
        self.target, self.cat_target = nn.Conv2d(4, 2, 2), nn.Conv2d(8, 2, 2)
        self.path = path

    def forward(self, images: Tensor) -> Tensor:
        return self.path(self, self.first(images).relu())


def _pyramid(net: Net, x: Tensor) -> Tensor:
    return torch.cat([x, F.interpolate(net.pyramid(x), size=(16, 16))], dim=1)


SEQUENTIAL = {
    "same": [nn.Conv2d(3, 4, 3, padding=1)],
    "strides": [nn.Conv2d(3, 4, 7, stride=2, padding=3), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
                nn.Conv2d(4, 4, 3, stride=2, padding=1)],
    "dilation": [nn.Conv2d(3, 4, 3, dilation=3, padding=2), nn.MaxPool2d(2, dilation=2),
                 nn.Conv2d(4, 4, (1, 5), stride=(2, 1), padding=(0, 2))],
    "average": [nn.Conv2d(3, 4, 4, stride=3), nn.BatchNorm2d(4), nn.GELU(), nn.AvgPool2d(3, 2, 1)],
    "no padding": [nn.Conv2d(3, 4, 5), nn.Hardswish(), nn.Conv2d(4, 4, 2, stride=2)],
    "default stride": [nn.MaxPool2d(3), nn.Conv2d(3, 4, 3, padding=1), nn.Dropout()],
    "depthwise": [nn.Conv2d(3, 6, 3, groups=3, padding=1), nn.Conv2d(6, 4, 1), nn.SiLU()],
}  # fmt: skip

PATHS = {
    "residual": lambda net, x: net.target(x + net.wide(x)),
    "residual in place": lambda net, x: net.target(net.wide(x).add_(x)),
    "concatenation": lambda net, x: net.cat_target(torch.cat([net.small(x), net.wide(x)], 1)),
    "functional pooling": lambda net, x: net.target(
        F.avg_pool2d(F.max_pool2d(net.wide(x), 3, stride=1, padding=1), kernel_size=2)
    ),
    "unused branch": lambda net, x: (net.target(x), net.wide(x))[0],
}
WHOLE_IMAGE = {
    "attention": lambda net, x: net.target(x * torch.softmax(x.flatten(2), 2).view_as(x)),
    "mean over positions": lambda net, x: net.target(x - x.mean(dim=(2, 3), keepdim=True)),
    "strides that differ": lambda net, x: net.target(x + F.interpolate(F.max_pool2d(x, 2), 16)),
    "pyramid pooling": lambda net, x: net.cat_target(_pyramid(net, x)),
    "branching": lambda net, x: net.target(x if x.sum() > 0 else net.wide(x)),
}  # fmt: skip


class Reached(Exception):
    """The layer has run; what follows it need not."""


def oracle_box(model: nn.Module, layer: str, side: int, cell: int) -> tuple[int, int, int, int]:
    """The field of unit (cell, cell) by NaN propagation through `layer`'s output."""
    outputs: list[Tensor] = []
    exact = model.eval().double()

    def stop(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        outputs.append(output)
        raise Reached

    def grid_of(images: Tensor) -> Tensor:
        with pytest.raises(Reached):
            exact(images)
        return outputs.pop()

    handle = exact.get_submodule(layer).register_forward_hook(stop)
    try:
        return reference.seen_pixels(grid_of, side, cell, cell)
    finally:
        handle.remove()


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_chains(name: str) -> None:
    model = nn.Sequential(*SEQUENTIAL[name])
    layer = str(len(model) - 1)
    field = receptive_field(model, layer)
    assert field is not None and field.box(4, 4) == oracle_box(model, layer, 64, 4)


@pytest.mark.parametrize("name", PATHS)
def test_paths(name: str) -> None:
    model = Net(PATHS[name])
    layer = "cat_target" if name == "concatenation" else "target"
    field = receptive_field(model, layer)
    assert field is not None and field.box(5, 5) == oracle_box(model, layer, 48, 5)


def test_a_gate_per_channel_does_not_count() -> None:
    gated = Net(lambda net, x: net.target(net.wide(x) * net.gate(x)))
    plain = Net(lambda net, x: net.target(net.wide(x)))
    assert receptive_field(gated, "target") == receptive_field(plain, "target") is not None
    field = receptive_field(gated, "target")
    assert field.box(5, 5) == oracle_box(plain, "target", 48, 5)


@pytest.mark.parametrize("name", WHOLE_IMAGE)
def test_no_smaller_field_is_claimed_than_the_true_one(name: str) -> None:
    model = Net(WHOLE_IMAGE[name])
    layer = "cat_target" if name == "pyramid pooling" else "target"
    assert receptive_field(model, layer) is None


@pytest.mark.parametrize(
    "name, layer, cell, side",
    [("resnet18", "layer1", 6, 48), ("resnet18", "layer2.0.conv1", 4, 64),
     ("mobilenet_v2", "features.4", 4, 80), ("squeezenet1_0", "features.4", 4, 96),
     ("densenet121", "features.denseblock1.denselayer2", 7, 72)],
)  # fmt: skip
def test_torchvision_models(name: str, layer: str, cell: int, side: int) -> None:
    model = torchvision_model(name)
    field = receptive_field(model, layer)
    assert field is not None and field.box(cell, cell) == oracle_box(model, layer, side, cell)


@pytest.mark.parametrize(
    "name, layer, size, jump",
    [("resnet18", "layer4", 435, 32), ("vgg16", "features", 212, 32),
     ("vgg16", "features.28", 196, 16), ("resnet50", "layer4", 427, 32)],
)  # fmt: skip
def test_published_sizes(name: str, layer: str, size: int, jump: int) -> None:
    """Araujo et al., Computing Receptive Fields of CNNs (Distill 2019); VGG-16's pool5 and
    conv5_3 as in the same article."""
    with torch.device("meta"):
        model = torchvision_model(name)
    field = receptive_field(model, layer)
    assert field is not None and field.size == (size, size) and field.jump == (jump, jump)


def test_boxes_of_arrays_and_out_of_bounds() -> None:
    field = ReceptiveField(start=(-3, -1), size=(7, 5), jump=(4, 2))
    assert field.box(0, 0) == (-3, -1, 4, 4)
    rows, cols = np.array([0, 2]), np.array([1, 3])
    assert [edge.tolist() for edge in field.box(rows, cols)] == [[-3, 5], [1, 5], [4, 12], [6, 10]]


def test_one_trace_gives_the_field_of_every_layer() -> None:
    model = Net(PATHS["residual"])
    fields = receptive_fields(model)
    assert set(fields) == set(dict(model.named_modules()))
    for layer in ("first", "wide", "target"):
        found = fields[layer]
        assert found is not None and found.box(5, 5) == oracle_box(model, layer, 48, 5)
    assert fields["small"] is None, "a layer that is never called"


class Twice(nn.Module):
    """A convolution and a block that are called twice; `relu` is the name of a method, too."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, stride=2, padding=1)
        self.block = nn.Sequential(nn.Conv2d(3, 3, (1, 3), padding=(0, 1)), nn.ReLU())
        self.relu = nn.Conv2d(3, 3, 5, padding=2)

    def forward(self, images: Tensor) -> Tensor:
        first = self.conv(self.block(self.relu(images)))
        return self.conv(self.block(first.relu())).relu()


@pytest.mark.parametrize("layer", ["conv", "block", "block.0"])
def test_of_two_calls_the_last_counts(layer: str) -> None:
    field = receptive_field(Twice(), layer)
    outputs: list[Tensor] = []
    model = Twice().double()
    model.get_submodule(layer).register_forward_hook(lambda _m, _i, output: outputs.append(output))

    def grid_of(images: Tensor) -> Tensor:
        model(images)
        return outputs[-1]

    assert field is not None and field.box(4, 4) == reference.seen_pixels(grid_of, 48, 4, 4)


def test_a_layer_named_as_a_method_is_not_taken_for_it() -> None:
    assert receptive_field(Twice(), "relu") == ReceptiveField((-2, -2), (5, 5), (1, 1))


def test_a_layer_that_ends_in_pooling_sees_the_whole_image() -> None:
    model = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1)), nn.Flatten())
    fields = receptive_fields(model)
    assert fields["0"] is None and fields["0.0"] == ReceptiveField((0, 0), (3, 3), (1, 1))


def test_a_forward_that_cannot_be_traced_claims_nothing() -> None:
    model = Net(WHOLE_IMAGE["branching"])
    assert set(receptive_fields(model).values()) == {None}


def test_a_layer_that_is_not_there() -> None:
    assert receptive_field(nn.Sequential(nn.Conv2d(3, 4, 3)), "7") is None
