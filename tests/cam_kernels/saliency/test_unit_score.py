"""Pictures that start from a unit: against the network cut off there."""

import pytest
import torch
from torch import Tensor, nn

from cam_kernels.layers.grid_layout import GridLayout
from cam_kernels.saliency.gradients import smoothgrad, vanilla_gradient
from cam_kernels.saliency.rectified import deconvnet, guided_backprop
from cam_kernels.saliency.unit_score import unit_score
from tests.cam_kernels.architectures import build, noise

UNIT = 6


@pytest.mark.parametrize("method", [vanilla_gradient, guided_backprop, deconvnet])
@pytest.mark.parametrize("layer", ["3", "4"])  # 4 is followed by an in-place ReLU
def test_the_network_cut_off_at_the_layer(method, layer: str) -> None:
    model, _, _ = build("plain_cnn")
    images = noise(2, side=24)
    cut = model[: int(layer) + 1]
    with torch.no_grad():
        place = cut(images)[:, UNIT].flatten(1).argmax(dim=1)

    def at_the_place(output: Tensor) -> Tensor:
        return output[:, UNIT].flatten(1).gather(1, place[:, None])[:, 0]

    expected = method(cut, images, at_the_place)
    with unit_score(model, layer, UNIT) as score:
        actual = method(model, images, score)
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-7)
    assert not any(module._forward_hooks for module in model.modules())


def test_a_layer_with_the_channels_last() -> None:
    class Last(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.permute(0, 2, 3, 1)

    torch.manual_seed(2)
    convolution = nn.Conv2d(3, 9, 3)
    model = nn.Sequential(convolution, Last(), nn.Flatten(), nn.Linear(9 * 36, 4)).eval()
    images = noise(2, side=8)
    with unit_score(convolution, "", UNIT) as score:
        expected = vanilla_gradient(convolution, images, score)
    layout = GridLayout("channels_last", 6, 6, 9)
    with unit_score(model, "1", UNIT, layout) as score:
        actual = vanilla_gradient(model, images, score)
    torch.testing.assert_close(actual, expected)


def test_smoothgrad_from_a_unit() -> None:
    model, _, _ = build("plain_cnn")
    images = noise(2, side=24)
    with unit_score(model, "3", UNIT) as score:
        plain = vanilla_gradient(model, images, score)
        actual = smoothgrad(model, images, score, samples=2, noise=0.0, images_per_forward=1)
        with pytest.raises(ValueError, match="expected"):
            smoothgrad(model, images, score, samples=2)
    torch.testing.assert_close(actual, plain, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "layer, unit, message",
    [
        ("3", 12, "with a unit 12"),
        ("3", -1, "with a unit -1"),
        ("8", 0, r"puts out shape \(2, 7\)"),
    ],
)
def test_layers_and_units_that_are_not_there(layer: str, unit: int, message: str) -> None:
    model, _, _ = build("plain_cnn")
    with unit_score(model, layer, unit) as score, pytest.raises(ValueError, match=message):
        vanilla_gradient(model, noise(2, side=24), score)


def test_a_shared_layer_is_refused() -> None:
    relu = nn.ReLU()
    model = nn.Sequential(relu, relu).eval()
    with unit_score(model, "0", 0) as score, pytest.raises(ValueError, match="ran 2 times"):
        vanilla_gradient(model, noise(2, side=8), score)
