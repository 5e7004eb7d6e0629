"""Recognising pooled linear heads by what they compute, not by what they look like."""

import pytest
import torch
from torch import Tensor, nn

from cam_kernels.explainer import Explainer
from cam_kernels.head import PooledLinearHead, find_pooled_linear_head
from cam_kernels.targets import ClassScore
from tests import reference
from tests.cam_kernels.architectures import noise

GAP = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]


class Scaled(nn.Module):
    """A function of the logits or of the features."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, values: Tensor) -> Tensor:
        if self.kind == "soft cap":
            return 30 * torch.tanh(values / 30)
        if self.kind == "clamp":
            return values.clamp(-8, 8)
        if self.kind == "unit length":
            return nn.functional.normalize(values)
        return values * 2


def model_with(*head: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for module in head:
        for parameter in module.parameters():
            nn.init.normal_(parameter, std=0.3)
    return nn.Sequential(nn.Conv2d(3, 6, 3, stride=8), *head).eval()


def gmp_head() -> list[nn.Module]:
    return [nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(6, 4)]


POSITIVE = {
    "gap linear": lambda: [*GAP, nn.Linear(6, 4)],
    "no bias": lambda: [*GAP, nn.Linear(6, 4, bias=False)],
    "dropout": lambda: [nn.Dropout(), *GAP, nn.Dropout(), nn.Linear(6, 4)],
    "square": lambda: [*GAP, nn.Linear(6, 6)],
    "1x1 conv after the pooling": lambda: [
        nn.AdaptiveAvgPool2d(1), nn.Conv2d(6, 4, 1), nn.Flatten(),
    ],
    "1x1 conv before the pooling": lambda: [nn.Conv2d(6, 4, 1), *GAP],
}  # fmt: skip

GMP = {
    "max pooling": gmp_head,
    "max pooling, 1x1 conv": lambda: [
        nn.AdaptiveMaxPool2d(1), nn.Conv2d(6, 4, 1), nn.Flatten(),
    ],
}  # fmt: skip

NEGATIVE = {
    "hidden nonlinearity": lambda: [*GAP, nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 4)],
    "two linears": lambda: [*GAP, nn.Linear(6, 5), nn.Linear(5, 4)],
    "two square linears": lambda: [*GAP, nn.Linear(6, 6), nn.Linear(6, 6)],
    "relu before the pooling": lambda: [nn.ReLU(), *GAP, nn.Linear(6, 4)],
    "relu of the logits": lambda: [nn.Conv2d(6, 4, 1), nn.ReLU(), *GAP],
    "1x1 conv before max pooling": lambda: [
        nn.Conv2d(6, 4, 1),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
    ],
    "softmax": lambda: [*GAP, nn.Linear(6, 4), nn.Softmax(dim=1)],
    "scaled logits": lambda: [*GAP, nn.Linear(6, 4), Scaled("twice")],
    "unit length features": lambda: [*GAP, Scaled("unit length"), nn.Linear(6, 4)],
    "flattened grid": lambda: [nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 4)],
    "batch norm": lambda: [*GAP, nn.BatchNorm1d(6), nn.Linear(6, 4)],
}


@pytest.mark.parametrize("name", POSITIVE)
def test_found(name: str) -> None:
    model = model_with(*POSITIVE[name]())
    head = find_pooled_linear_head(model, "0", noise(3))
    assert head is not None and head.pooling == "mean"
    with torch.no_grad():
        pooled = model[0](noise(3)).mean(dim=(2, 3))
        torch.testing.assert_close(pooled @ head.weight.T + head.bias, model(noise(3)))


@pytest.mark.parametrize("name", GMP)
def test_found_behind_max_pooling(name: str) -> None:
    model = model_with(*GMP[name]())
    head = find_pooled_linear_head(model, "0", noise(3))
    assert head is not None and head.pooling == "max"
    with torch.no_grad():
        pooled = model[0](noise(3)).amax(dim=(2, 3))
        torch.testing.assert_close(pooled @ head.weight.T + head.bias, model(noise(3)))
    with pytest.raises(ValueError, match="max pooling"):
        head.gradients(torch.tensor([0]), 4)


def test_cam_behind_max_pooling_is_the_head_s_weights() -> None:
    model, images = model_with(*gmp_head()), noise(3)
    class_idx = torch.tensor([2, 0, 3])
    maps = Explainer(model, "0", images).forward(images).map("cam", ClassScore(class_idx))
    with torch.no_grad():
        weights = model[3].weight[class_idx].double().numpy()
        expected = reference.class_map(model[0](images).double().numpy(), weights)
    torch.testing.assert_close(maps.double(), torch.from_numpy(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NEGATIVE)
def test_not_found(name: str) -> None:
    model = model_with(*NEGATIVE[name]())
    if name == "batch norm":
        model[3].running_mean.uniform_(1, 2)
    assert find_pooled_linear_head(model, "0", noise(3)) is None


@pytest.mark.parametrize("kind", ["soft cap", "clamp"])
def test_a_head_that_is_linear_for_small_logits_only(kind: str) -> None:
    """Random activations are small, a trained network's are not: real ones must fit, too."""
    model = model_with(*GAP, nn.Linear(6, 4), Scaled(kind))
    model[0].weight.data *= 200
    assert model(noise(3)).abs().max() > 7
    assert find_pooled_linear_head(model, "0", noise(3)) is None


def test_an_untrained_head_of_zeros_is_not_claimed() -> None:
    model = model_with(*GAP, nn.Linear(6, 4))
    nn.init.zeros_(model[3].weight)
    assert find_pooled_linear_head(model, "0", noise(2)) is None


def test_a_layer_before_the_last_is_not_the_head_s_input() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=4), nn.ReLU(), nn.Conv2d(6, 6, 1), *GAP, nn.Linear(6, 4)
    )
    assert find_pooled_linear_head(model, "0", noise(2)) is None
    assert find_pooled_linear_head(model, "1", noise(2)) is None
    assert find_pooled_linear_head(model, "2", noise(2)) is not None


def test_the_model_and_the_global_random_numbers_are_untouched() -> None:
    model = model_with(*GAP, nn.Linear(6, 4))
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    find_pooled_linear_head(model, "0", noise(2))
    assert torch.equal(torch.rand(3), expected)
    assert not model[0]._forward_hooks


def test_gradients_are_those_of_autograd() -> None:
    head = PooledLinearHead(torch.randn(5, 3), torch.randn(5), "mean")
    activations = torch.randn((2, 3, 4, 6), requires_grad=True)
    logits = activations.mean(dim=(2, 3)) @ head.weight.T + head.bias
    (expected,) = torch.autograd.grad(logits[0, 4] + logits[1, 1], activations)
    actual = head.gradients(torch.tensor([4, 1]), positions=24)
    assert actual.shape == (2, 3, 1, 1)
    torch.testing.assert_close(actual.expand_as(expected), expected)
