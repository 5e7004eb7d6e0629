"""Finding the layers with a grid, and the one to explain."""

import pytest
import torch
from torch import Tensor, nn

from cam_kernels.target_layer import (
    SpatialLayer,
    default_target_layer,
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
    with torch.device("meta"):
        model = torchvision_model(name).eval()
    layers, classes = spatial_layers(model, noise(1).to("meta"))
    assert classes == CLASSES
    assert default_target_layer(layers, classes, model) == expected
    (layer,) = [layer for layer in layers if layer.name == expected]
    assert (layer.channels, layer.rows, layer.cols) == (channels, grid, grid)


def test_layers_in_the_order_in_which_they_finish() -> None:
    layers, classes = spatial_layers(VggLike().eval(), torch.zeros((2, 3, 16, 24)))
    assert classes == CLASSES
    assert [layer.name for layer in layers] == [
        *(f"features.{i}" for i in range(7)), "features", "avgpool",
    ]  # fmt: skip
    assert layers[3] == SpatialLayer("features.3", "Conv2d", 16, rows=8, cols=12)


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
    assert default_target_layer(layers, classes, model) == "1"


def test_no_layer_with_a_grid() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 4))
    layers, classes = spatial_layers(model, noise(2))
    assert layers == []
    with pytest.raises(ValueError, match="expected at least one convolutional layer"):
        default_target_layer(layers, classes, model)


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
