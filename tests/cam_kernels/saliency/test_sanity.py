"""Parameter randomisation: which weights are new, which are not, and what it does to maps."""

import copy

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn
from torchvision import models

from cam_kernels.saliency.gradients import vanilla_gradient
from cam_kernels.saliency.sanity import parameter_layers, randomisation_test, randomised_models
from tests.cam_kernels.architectures import noise, randomise


class Backwards(nn.Module):
    """Defined from the head down, with a parameter of its own, and a layer without a call."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(6, 4)
        self.inside = nn.Sequential(nn.Conv2d(6, 6, 1), nn.PReLU())
        self.norm = nn.BatchNorm2d(6)
        self.conv = nn.Conv2d(3, 6, 3, bias=False)
        self.silent = nn.Linear(6, 6)
        self.gain = nn.Parameter(torch.tensor([1.5, -0.5]))
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        x = self.inside(self.norm(self.conv(images)).relu()) * self.gain[0] + self.gain[1]
        return self.head(nn.functional.linear(x.mean(dim=(2, 3)), self.silent.weight))


ORDER = ["", "silent", "conv", "norm", "inside.0", "inside.1", "head"]


def learned() -> Backwards:
    """Weights that no reset would give."""
    torch.manual_seed(0)
    net = Backwards()
    with torch.no_grad():
        for tensor in net.state_dict().values():
            if tensor.is_floating_point():
                tensor.uniform_(2.0, 3.0)
    return net


def changed(before: nn.Module, after: nn.Module) -> set[str]:
    """Layers any of whose own numbers differ."""
    pairs = zip(before.state_dict().items(), after.state_dict().values(), strict=True)
    return {name.rpartition(".")[0] for (name, old), new in pairs if not torch.equal(old, new)}


def test_layers_come_in_the_order_of_the_forward() -> None:
    assert parameter_layers(learned(), noise(1, side=8)) == ORDER
    resnet = models.resnet18(weights=None).eval()
    assert parameter_layers(resnet, noise(1, side=32))[:3] == ["conv1", "bn1", "layer1.0.conv1"]
    assert not any(module._forward_pre_hooks for module in resnet.modules())


def test_the_cascade_grows_from_the_head_and_the_original_stays() -> None:
    net = learned()
    untouched = copy.deepcopy(net.state_dict())
    steps = list(randomised_models(net, ORDER, cascading=True))
    assert [name for name, _ in steps] == ORDER[::-1]
    for number, (_, randomised) in enumerate(steps, start=1):
        assert changed(net, randomised) == set(ORDER[::-1][:number])
    assert all(torch.equal(untouched[name], value) for name, value in net.state_dict().items())


def test_independent_copies_change_one_layer_and_to_the_same_weights() -> None:
    net = learned()
    whole = list(randomised_models(net, ORDER, cascading=True, seed=4))[-1][1]
    for name, randomised in randomised_models(net, ORDER, cascading=False, seed=4):
        assert changed(net, randomised) == {name}
        new = randomised.get_submodule(name).named_parameters(recurse=False)
        for parameter, value in new:
            assert torch.equal(value, getattr(whole.get_submodule(name), parameter))


def test_reset_parameters_draws_the_weights() -> None:
    net = learned()
    fresh = dict(randomised_models(net, ORDER, cascading=False))
    bound = 27**-0.5  # kaiming_uniform with a = sqrt(5): 1 / sqrt(fan in)
    weight = fresh["conv"].conv.weight.detach().flatten()
    assert stats.kstest(weight.numpy(), stats.uniform(-bound, 2 * bound).cdf).pvalue > 0.01
    norm = fresh["norm"].norm
    for tensor, value in (
        (norm.weight, 1), (norm.bias, 0), (norm.running_mean, 0), (norm.running_var, 1)
    ):  # fmt: skip
        assert (tensor == value).all()


def test_parameters_without_a_reset_keep_their_size() -> None:
    class Token(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token = nn.Parameter(torch.full((5000,), -0.3), requires_grad=False)

    _, randomised = next(iter(randomised_models(Token(), [""])))
    drawn = randomised.token.numpy()
    assert stats.kstest(drawn, stats.norm(0, 0.3).cdf).pvalue > 0.01
    assert not randomised.token.requires_grad


class ResetsAll(Backwards):
    """A reset that reaches into the layers within."""

    def reset_parameters(self) -> None:
        for child in (self.head, self.conv, self.silent):
            child.reset_parameters()


def test_the_turn_of_a_layer_with_children_leaves_them_alone() -> None:
    torch.manual_seed(0)
    net = ResetsAll()
    _, randomised = next(iter(randomised_models(net, [""], cascading=False)))
    assert changed(net, randomised) == {""}


def test_seeds_decide_and_the_global_generator_is_left_alone() -> None:
    net = learned()
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    one, again, other = (
        list(randomised_models(net, ORDER, seed=seed))[-1][1] for seed in (0, 0, 1)
    )
    assert torch.equal(torch.rand(3), expected)
    assert changed(one, again) == set()
    assert changed(one, other) == set(ORDER) - {"norm"} - {"inside.1"}


@pytest.mark.parametrize("cascading", [True, False])
def test_correlations_are_scipy_s_of_the_maps(cascading: bool) -> None:
    torch.manual_seed(0)
    net = randomise(models.squeezenet1_0(weights=None, num_classes=7))
    images = noise(2, side=48)

    def draw(model: nn.Module) -> Tensor:
        return vanilla_gradient(model, images, lambda logits: logits[:, 2])

    layers = parameter_layers(net, images)[-3:]
    steps = list(randomisation_test(net, draw, layers, cascading=cascading, seed=2))
    copies = list(randomised_models(net, layers, cascading=cascading, seed=2))
    before = draw(net).numpy()
    for step, (name, randomised) in zip(steps, copies, strict=True):
        after = draw(randomised).numpy()
        assert step.layer == name
        for i in range(2):
            signed = stats.spearmanr(before[i].ravel(), after[i].ravel()).statistic
            absolute = stats.spearmanr(*np.abs([before[i].ravel(), after[i].ravel()])).statistic
            assert float(step.correlation[i]) == pytest.approx(signed, abs=1e-9)
            assert float(step.absolute_correlation[i]) == pytest.approx(absolute, abs=1e-9)


def test_inference_mode_of_the_caller_changes_nothing() -> None:
    net, images = learned(), noise(2, side=8)

    def draw(model: nn.Module) -> Tensor:
        return vanilla_gradient(model, images, lambda logits: logits[:, 2])

    expected = [step.correlation for step in randomisation_test(net, draw, ORDER)]
    with torch.inference_mode():
        actual = [step.correlation for step in randomisation_test(net, draw, ORDER)]
    torch.testing.assert_close(actual, expected, rtol=0, atol=0)


def test_a_map_that_ignores_the_model_keeps_its_correlation_and_a_constant_one_has_none() -> None:
    images = noise(2, side=8)
    for steps, expected in (
        (randomisation_test(learned(), lambda _: images, ORDER), [1.0, 1.0]),
        (randomisation_test(learned(), lambda _: torch.zeros(2, 9), ORDER), [None, None]),
    ):
        for step in steps:
            for correlation in (step.correlation, step.absolute_correlation):
                found = [None if np.isnan(rho) else rho for rho in correlation.tolist()]
                assert found == expected


@pytest.mark.parametrize("name, what", [("layer9", "no layer"), ("inside", "without parameters")])
def test_layers_that_cannot_be_randomised_are_refused(name: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        next(iter(randomised_models(learned(), ["conv", name])))
