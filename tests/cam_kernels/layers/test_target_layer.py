"""Finding the layers with a grid, and the one to explain."""

import pytest
import torch
from torch import Tensor, nn

from cam_kernels.layers.default_layer import default_target_layer
from cam_kernels.layers.grid_layout import GridLayout
from cam_kernels.layers.target_layer import (
    SpatialLayer,
    output_hook,
    spatial_layers,
)
from tests.cam_kernels.architectures import CLASSES, VggLike, noise, torchvision_model


@pytest.mark.parametrize(
    "name, expected, channels, grid",
    [
        ("resnet18", "layer4", 512, 2),
        ("mobilenet_v2", "features", 1280, 2),
        ("vgg16", "features", 512, 2),
        ("squeezenet1_0", "features", 512, 3),
        ("densenet121", "features", 1024, 2),
    ],
)
def test_default_of_torchvision_models(name: str, expected: str, channels: int, grid: int) -> None:
    model = torchvision_model(name).eval()
    layers, classes = spatial_layers(model, noise(1))
    assert classes == CLASSES
    assert default_target_layer(layers, classes, model, noise(1)) == expected
    (layer,) = [layer for layer in layers if layer.name == expected]
    assert (layer.channels, layer.rows, layer.cols) == (channels, grid, grid)


def test_layers_in_the_order_in_which_they_finish() -> None:
    layers, classes = spatial_layers(VggLike().eval(), torch.zeros((2, 3, 16, 24)))
    assert classes == CLASSES
    assert [layer.name for layer in layers] == [
        *(f"features.{i}" for i in range(7)), "features", "avgpool",
    ]  # fmt: skip
    layout = GridLayout("channels_first", rows=8, cols=12, channels=16)
    assert layers[3] == SpatialLayer("features.3", "Conv2d", layout)
    assert (layers[3].channels, layers[3].rows, layers[3].cols) == (16, 8, 12)


def test_one_cell_is_no_grid() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 4, 1), nn.Flatten()
    )
    layers, _ = spatial_layers(model, noise(2))
    assert [layer.name for layer in layers] == ["0"]


def test_pooling_dropout_identity_and_class_maps_are_passed_over() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Dropout2d(), nn.Identity(), nn.Conv2d(8, 5, 1),
        nn.Dropout(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(20, 5),
    ).eval()  # fmt: skip
    layers, classes = spatial_layers(model, noise(2))
    assert default_target_layer(layers, classes, model, noise(2)) == "1"


def test_a_model_that_strong_noise_turns_off() -> None:
    """Its hidden layer is 0 wherever an image has much contrast, and so are all gradients."""
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 5),
    )  # fmt: skip
    for layer, weight, bias in ((model[0], 0.1, 0.0), (model[4], -1.0, 1.5)):
        nn.init.constant_(layer.weight, weight)
        nn.init.constant_(layer.bias, bias)
    layers, classes = spatial_layers(model, noise(2))
    assert (model[:6](noise(2)) == 0).all() and (model[:6](0.1 * noise(2)) > 0).all()
    assert default_target_layer(layers, classes, model, noise(2)) == "1"


def test_no_layer_with_a_grid() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 4))
    layers, classes = spatial_layers(model, noise(2))
    assert layers == []
    with pytest.raises(ValueError, match="expected at least one convolutional layer"):
        default_target_layer(layers, classes, model, noise(2))


class Returns(nn.Module):
    def __init__(self, form: str) -> None:
        super().__init__()
        self.form, self.conv = form, nn.Conv2d(3, 5, 3)

    def forward(self, images: Tensor) -> object:
        logits = self.conv(images).mean(dim=(2, 3))
        return {
            "dict": {"out": logits},
            "tuple": (logits, logits),
            "one column": logits[:, :1],
            "vector": logits[:, 0],
            "grid": self.conv(images),
            "another batch": logits[:1],
        }[self.form]


@pytest.mark.parametrize(
    "form, message",
    [
        ("dict", "returns dict; expected one tensor of logits"),
        ("tuple", "returns tuple; expected one tensor of logits"),
        ("one column", r"shape \(2, 1\) for 2 images; expected logits"),
        ("vector", r"shape \(2,\) for 2 images; expected logits"),
        ("grid", r"shape \(2, 5, 62, 62\) for 2 images; expected logits"),
        ("another batch", r"shape \(1, 5\) for 2 images; expected logits"),
    ],
)
def test_what_is_not_one_tensor_of_logits_is_refused(form: str, message: str) -> None:
    model = Returns(form)
    with pytest.raises(ValueError, match=message):
        spatial_layers(model, noise(2))
    assert not model.conv._forward_hooks


def test_hook_replaces_the_output_and_is_gone_after_an_error() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    with output_hook(model, "0", lambda output: torch.full_like(output, 2.0)):
        assert model(noise(1)).unique().tolist() == [2.0]
    with pytest.raises(KeyError), output_hook(model, "0", lambda output: {}[output]):
        model(noise(1))
    assert not model[0]._forward_hooks
    with output_hook(model, "0", lambda _output: None):
        assert torch.equal(model(noise(1)), model[0](noise(1)).relu())


class TwiceOrNoGradient(nn.Module):
    """Its last grids cannot be explained: one layer runs twice, one has no say in the logits."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, padding=1)
        self.ignored, self.head = nn.Conv2d(4, 6, 1), nn.Linear(4, 3)

    def forward(self, images: Tensor) -> Tensor:
        features = self.second(self.second(self.first(images)))
        self.ignored(features)
        return self.head(features.mean(dim=(2, 3)))


def test_layers_that_run_twice_or_do_not_reach_the_logits_are_passed_over() -> None:
    model = TwiceOrNoGradient()
    layers, classes = spatial_layers(model, noise(2))
    assert [layer.name for layer in layers] == ["first", "second", "second", "ignored"]
    assert default_target_layer(layers, classes, model, noise(2)) == "first"


def test_a_model_that_cannot_be_differentiated_keeps_its_last_grid() -> None:
    class Frozen(TwiceOrNoGradient):
        def forward(self, images: Tensor) -> Tensor:
            with torch.no_grad():
                return self.head(self.second(self.first(images)).mean(dim=(2, 3)))

    model = Frozen()
    layers, classes = spatial_layers(model, noise(2))
    assert default_target_layer(layers, classes, model, noise(2)) == "second"


def test_probabilities_instead_of_logits_have_a_gradient() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4),
        nn.Softmax(dim=1),
    ).eval()  # fmt: skip
    layers, classes = spatial_layers(model, noise(2))
    assert default_target_layer(layers, classes, model, noise(2)) == "1"


@pytest.mark.parametrize("shape", ["NCHW", "NHWC"])
def test_a_hook_with_a_layout_sees_and_returns_grids(shape: str) -> None:
    layout = GridLayout("channels_first" if shape == "NCHW" else "channels_last", 4, 5, 3)
    model = nn.Sequential(nn.Identity(), nn.Flatten())
    values = torch.arange(120.0).reshape((2, 3, 4, 5) if shape == "NCHW" else (2, 4, 5, 3))
    seen = []

    def add_the_row(grid: Tensor) -> Tensor:
        seen.append(grid)
        return grid + 1000 * torch.arange(4.0)[:, None]

    with output_hook(model, "0", add_the_row, layout):
        changed = model(values).reshape(values.shape)
    assert seen[0].shape == (2, 3, 4, 5)
    rows = values.new_tensor([0, 1000, 2000, 3000])
    expected = values + (rows[:, None] if shape == "NCHW" else rows[:, None, None])
    assert torch.equal(changed, expected)
    with output_hook(model, "0", lambda _grid: None, layout):
        assert torch.equal(model(values), values.flatten(1))
    with pytest.raises(ValueError, match="expected"), output_hook(model, "0", seen.append, layout):
        model(torch.zeros(2, 9, 9, 9))
