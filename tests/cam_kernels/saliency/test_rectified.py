"""Guided backpropagation and deconvnet against captum and against the way back by hand."""

import warnings

import numpy as np
import pytest
import torch
from captum.attr import Deconvolution, GuidedBackprop
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

from cam_kernels.saliency.gradients import vanilla_gradient
from cam_kernels.saliency.rectified import deconvnet, guided_backprop, guided_gradcam
from tests.cam_kernels.architectures import noise, randomise
from tests.cam_kernels.saliency.small_nets import WRITTEN, Modules, Shared, by_hand, small_net

CLASS = 2
RULES = {
    vanilla_gradient: lambda before, back: back * (before > 0),
    guided_backprop: lambda before, back: back * (before > 0) * (back > 0),
    deconvnet: lambda before, back: back * (back > 0),
}


def logit(logits: Tensor) -> Tensor:
    return logits[:, CLASS]


def small_images() -> Tensor:
    return noise(3, side=11)


@pytest.mark.parametrize("kind", WRITTEN)
@pytest.mark.parametrize("method", RULES)
def test_the_way_back_by_hand_however_the_net_is_written(method, kind) -> None:
    net, images = small_net(kind), small_images()
    expected = by_hand(net, images, CLASS, RULES[method])
    actual = method(net.double(), images.double(), logit)
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-12)
    assert (expected.abs() > 0).float().mean() > 0.3


@pytest.mark.parametrize(
    "method, library", [(guided_backprop, GuidedBackprop), (deconvnet, Deconvolution)]
)
@pytest.mark.parametrize("name", ["small", "vgg", "batch norms", "mnasnet0_5"])
def test_captum_where_it_knows_the_net(method, library, name: str) -> None:
    net, images = _net_of_modules(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = library(net).attribute(images.clone(), target=CLASS)
    scale = float(expected.abs().max())
    assert scale > 0
    torch.testing.assert_close(method(net, images, logit), expected, rtol=1e-4, atol=1e-5 * scale)


def _net_of_modules(name: str) -> tuple[nn.Module, Tensor]:
    """Nets whose ReLUs are modules of their own, with the in-place flag taken away."""
    if name == "small":
        return small_net(Modules), small_images()
    torch.manual_seed(0)
    if name == "vgg":
        net = models.vgg.VGG(models.vgg.make_layers([8, "M", 12, "M"]), num_classes=7)
        net.classifier = nn.Sequential(nn.Linear(12 * 49, 16), nn.ReLU(), nn.Linear(16, 7))
    elif name == "batch norms":
        net = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
            nn.Flatten(), nn.Linear(8, 7),
        )  # fmt: skip
    else:
        net = models.mnasnet0_5(num_classes=7)
    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return randomise(net), noise(2, side=48)


ACTIVATIONS = {
    "relu6": nn.ReLU6(inplace=True), "silu": nn.SiLU(inplace=True), "gelu": nn.GELU(),
    "gelu tanh": nn.GELU(approximate="tanh"), "hardswish": nn.Hardswish(inplace=True),
    "elu": nn.ELU(inplace=True), "selu": nn.SELU(), "celu": nn.CELU(inplace=True),
    "leaky": nn.LeakyReLU(0.2, inplace=True), "prelu": nn.PReLU(), "softplus": nn.Softplus(),
    "mish": nn.Mish(), "relu": nn.ReLU(inplace=True), "rrelu": nn.RReLU(),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_functions_in_the_place_of_relu(name: str) -> None:
    """Two layers of one activation; its derivative from central differences."""
    torch.manual_seed(1)
    activation = ACTIVATIONS[name].double().eval()
    first, second = nn.Linear(6, 8).double(), nn.Linear(8, 4).double()
    net = nn.Sequential(nn.Flatten(), first, activation, second, activation).eval()
    images = 3 * noise(2, side=11)[:, :1, :2, :3].double()

    def derivative(x: Tensor) -> Tensor:
        step = 1e-6
        with torch.no_grad():
            return (activation(x + step) - activation(x - step)) / (2 * step)

    with torch.no_grad():
        a1 = first(images.flatten(1))
        a2 = second(activation(a1.clone()))
        back = torch.tensor([0.0, -1.0, 1.0, 0.5], dtype=torch.float64).expand(2, -1)
        guided = ((derivative(a2) * back.relu()) @ second.weight).relu()
        guided = ((derivative(a1) * guided) @ first.weight).view_as(images)
        decon = ((back.relu() @ second.weight).relu() @ first.weight).view_as(images)

    def score(output: Tensor) -> Tensor:
        return output @ torch.tensor([0.0, -1.0, 1.0, 0.5], dtype=torch.float64)

    torch.testing.assert_close(guided_backprop(net, images, score), guided, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(deconvnet(net, images, score), decon, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("squash", [torch.sigmoid, torch.tanh, lambda x: functional.softmax(x, 1)])
@pytest.mark.parametrize("method", [guided_backprop, deconvnet])
def test_squashing_functions_and_linear_nets_keep_their_gradient(method, squash) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 7)).eval()
    images = noise(2, side=2)

    def score(logits: Tensor) -> Tensor:
        return squash(logits)[:, CLASS]

    torch.testing.assert_close(
        method(net, images, score), vanilla_gradient(net, images, score), rtol=0, atol=0
    )


@pytest.mark.parametrize("name", ["densenet121", "resnet18", "mobilenet_v2", "squeezenet1_0"])
@pytest.mark.parametrize("method", [guided_backprop, deconvnet])
def test_architectures_with_functional_shared_and_bounded_relus(method, name: str) -> None:
    """Against autograd functions of our own put in the place of torch's."""
    torch.manual_seed(0)
    net = randomise(models.get_model(name, weights=None, num_classes=7)).double()
    images = noise(1, side=64).double()
    actual = method(net, images, logit)
    expected = _with_replaced_functions(net, images, deconv=method is deconvnet)
    torch.testing.assert_close(actual, expected, rtol=1e-6, atol=1e-9 * float(expected.abs().max()))
    plain = vanilla_gradient(net, images, logit)
    assert float((actual - plain).abs().max()) > 0.1 * float(plain.abs().max())


class _Rectified(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, upper: float, deconv: bool) -> Tensor:
        ctx.deconv, ctx.inside = deconv, (x > 0) & (x < upper)
        return x.clamp(0, upper)

    @staticmethod
    def backward(ctx, back: Tensor):
        passed = back * (back > 0)
        return passed if ctx.deconv else passed * ctx.inside, None, None


def _with_replaced_functions(net: nn.Module, images: Tensor, *, deconv: bool) -> Tensor:
    def relu(x: Tensor, inplace: bool = False) -> Tensor:
        return _Rectified.apply(x, np.inf, deconv)

    def relu6(x: Tensor, inplace: bool = False) -> Tensor:
        return _Rectified.apply(x, 6.0, deconv)

    pixels = images.clone().requires_grad_()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(functional, "relu", relu)
        patch.setattr(functional, "relu6", relu6)
        patch.setattr(functional, "hardtanh", lambda x, low, high, inplace: relu6(x))
        logit(net(pixels)).sum().backward()
    return pixels.grad


class _WithForward(nn.Module):
    def __init__(self, forward) -> None:
        super().__init__()
        self.do = forward

    def forward(self, images: Tensor) -> Tensor:
        return self.do(images)


def _slice_in_place(images: Tensor) -> Tensor:
    x = images * 2
    x[:, :1].relu_()
    return x.flatten(1)


def _custom(images: Tensor) -> Tensor:
    return _Rectified.apply(images, 6.0, False).flatten(1)


@pytest.mark.parametrize("forward", [_slice_in_place, _custom])
@pytest.mark.parametrize("method", [guided_backprop, deconvnet])
def test_a_step_whose_inside_cannot_be_seen_is_refused(method, forward) -> None:
    with pytest.raises(ValueError, match="cannot be seen"):
        method(_WithForward(forward).eval(), small_images(), logit)


def test_a_copy_into_a_slice_is_fine() -> None:
    def forward(images: Tensor) -> Tensor:
        x = images * 2
        x[:, :1] = torch.relu(x[:, 1:2])
        return (-x).flatten(1)

    net, images = _WithForward(forward).eval(), small_images()
    # The score is -relu(2 green): its gradient is negative and stops; that of its opposite passes.
    expected = torch.zeros_like(images)
    torch.testing.assert_close(guided_backprop(net, images, logit), expected)
    expected[:, 1, 0, CLASS] = 2.0 * (images[:, 1, 0, CLASS] > 0)
    opposite = guided_backprop(net, images, lambda output: -logit(output))
    torch.testing.assert_close(opposite, expected)


@pytest.mark.parametrize("method", RULES)
def test_exported_and_frozen_programs(method) -> None:
    net, images = small_net(Shared), small_images()
    expected = method(net, images, logit)
    exported = torch.export.export(net, (images,)).module()
    torch.testing.assert_close(method(exported, images, logit), expected)
    frozen = torch.jit.freeze(torch.jit.trace(net, images))
    torch.testing.assert_close(method(frozen, images, logit), expected)


def test_guided_gradcam_by_hand() -> None:
    """Half-pixel centres: 2 cells enlarged to 4 pixels weigh 1, 3/4, 1/4 and 0."""
    guided = torch.tensor([1.0, -2.0, 3.0, 4.0]).view(1, 1, 1, 4).repeat(1, 2, 3, 1)
    heatmap = torch.tensor([[[8.0, 0.0]]])
    expected = torch.tensor([8.0, -12.0, 6.0, 0.0]).view(1, 1, 1, 4).repeat(1, 2, 3, 1)
    torch.testing.assert_close(guided_gradcam(guided, heatmap), expected)
    heatmap[0, 0, 0] = torch.nan
    assert guided_gradcam(guided, heatmap)[..., 0].isnan().all()


@pytest.mark.parametrize("shape", [(1, 1, 4, 4), (2, 4, 4), (4, 4)])
def test_guided_gradcam_refuses_shapes_that_do_not_fit(shape) -> None:
    with pytest.raises(ValueError, match="same N"):
        guided_gradcam(torch.zeros(1, 3, 8, 8), torch.zeros(shape))
