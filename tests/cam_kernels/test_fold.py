"""Folding keeps the outputs and folds nothing that is used twice."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from cam_kernels.first_pass import FirstPass
from cam_kernels.fold import NotTraceable, fold_batch_norms
from tests.cam_kernels.architectures import build, noise, randomise


class Net(nn.Module):
    """conv, norm and other; `path` says how they are put together."""

    def __init__(self, path: Callable[["Net", Tensor], Tensor], *, bias: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1, bias=bias)
        self.norm = nn.BatchNorm2d(3)
        self.other = nn.Conv2d(3, 3, 1)
        self.path = path

    def forward(self, images: Tensor) -> Tensor:
        return self.path(self, images)


FOLDED = {
    "plain": lambda net, x: net.norm(net.conv(x)),
    "branch": lambda net, x: net.norm(net.conv(x)) + net.other(x),
    "norm used twice": lambda net, x: (y := net.norm(net.conv(x))) * net.other(y),
}
KEPT = {
    "shared conv": lambda net, x: net.norm(net.conv(x)) + net.conv(x + 1),
    "shared conv in a row": lambda net, x: net.norm(net.conv(net.conv(x))),
    "shared norm": lambda net, x: net.norm(net.conv(x)) + net.norm(net.other(x)),
    "conv used twice": lambda net, x: (y := net.conv(x)) + net.norm(y),
    "relu between": lambda net, x: net.norm(net.conv(x).relu()),
    "norm first": lambda net, x: net.conv(net.norm(x)),
}


def norms(model: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


def assert_same_outputs(model: nn.Module, folded: nn.Module) -> None:
    with torch.no_grad():
        expected, actual = model(noise(2, side=16)), folded(noise(2, side=16))
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", FOLDED)
def test_folded(name: str, bias: bool) -> None:
    model = randomise(Net(FOLDED[name], bias=bias))
    folded = fold_batch_norms(model)
    assert norms(folded) == 0 and norms(model) == 1
    assert_same_outputs(model, folded)
    assert dict(folded.named_modules()).keys() == dict(model.named_modules()).keys()


@pytest.mark.parametrize("name", KEPT)
def test_kept(name: str) -> None:
    model = randomise(Net(KEPT[name]))
    folded = fold_batch_norms(model)
    assert norms(folded) == 1
    assert_same_outputs(model, folded)


def test_a_norm_without_statistics_or_without_affine_parameters() -> None:
    model = randomise(Net(FOLDED["plain"]))
    model.norm = nn.BatchNorm2d(3, track_running_stats=False).eval()
    assert norms(fold_batch_norms(model)) == 1
    model.norm = nn.BatchNorm2d(3, affine=False).eval()
    model.norm.running_mean.fill_(0.4)
    folded = fold_batch_norms(model)
    assert norms(folded) == 0
    assert_same_outputs(model, folded)


def test_an_untraceable_forward_is_not_foldable() -> None:
    def branching(net: Net, x: Tensor) -> Tensor:
        return net.norm(net.conv(x)) if x.sum() > 0 else x

    with pytest.raises(NotTraceable, match="TraceError"):
        fold_batch_norms(Net(branching).eval())


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "densenet121"])
def test_torchvision_models(name: str) -> None:
    model, _, _ = build(name)
    folded = fold_batch_norms(model)
    assert norms(folded) < norms(model)
    assert name == "densenet121" or norms(folded) == 0
    with torch.no_grad():
        torch.testing.assert_close(folded(noise(2)), model(noise(2)), rtol=1e-4, atol=1e-4)


class Aliased(nn.Module):
    """The same modules under two names, as in code that lists its layers a second time."""

    def __init__(self, *, alias_norm: bool) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)
        norm = self.norm if alias_norm else nn.Identity()
        self.features = nn.Sequential(self.conv, norm)
        self.alias_norm = alias_norm

    def forward(self, images: Tensor) -> Tensor:
        return self.features(images) if self.alias_norm else self.norm(self.features[0](images))


@pytest.mark.parametrize("alias_norm", [True, False])
def test_modules_under_two_names(alias_norm: bool) -> None:
    model = randomise(Aliased(alias_norm=alias_norm))
    assert_same_outputs(model, fold_batch_norms(model))


class NormOutside(nn.Module):
    """The target layer ends in a convolution; its batch norm stands outside of it."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 6, 3))
        self.norm, self.head = nn.BatchNorm2d(6), nn.Linear(6, 4)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.norm(self.features(images)).relu().mean(dim=(2, 3)))


@pytest.mark.parametrize("layer", ["features", "features.2"])
def test_the_target_layer_s_own_output_stays_what_it_was(layer: str) -> None:
    torch.manual_seed(0)
    model = randomise(NormOutside())
    images, labels = noise(2), torch.tensor([-1, -1])
    fast, exact = (
        FirstPass(model, layer, ["gradcam++"], images, exact=exact)(images, labels)
        for exact in (False, True)
    )
    torch.testing.assert_close(fast.pooled, exact.pooled, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(fast.unit_max, exact.unit_max, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(fast.contrast, exact.contrast, rtol=1e-4, atol=1e-5)
