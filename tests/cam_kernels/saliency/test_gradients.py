"""Gradients against finite differences, captum and closed forms; and the doors of all four."""

import copy
import math

import pytest
import torch
from captum.attr import Saliency
from torch import Tensor, nn

from cam_kernels.saliency.gradients import smoothgrad, vanilla_gradient
from cam_kernels.saliency.rectified import deconvnet, guided_backprop
from tests.cam_kernels.architectures import build, noise
from tests.cam_kernels.saliency.small_nets import Functional, Shared, small_net

METHODS = [vanilla_gradient, smoothgrad, guided_backprop, deconvnet]


def logit(logits: Tensor) -> Tensor:
    return logits[:, 2]


def small_images(count: int = 3) -> Tensor:
    return noise(count, side=11)


def test_vanilla_gradient_is_the_finite_difference() -> None:
    net, images = small_net(Shared).double(), small_images(2).double()
    gradient = vanilla_gradient(net, images, logit)
    step = 1e-6
    for place in [(0, 0, 0, 0), (0, 1, 5, 5), (0, 2, 10, 3), (1, 0, 4, 9), (1, 2, 7, 2)]:
        nudge = torch.zeros_like(images)
        nudge[place] = step
        with torch.no_grad():
            change = logit(net(images + nudge))[place[0]] - logit(net(images - nudge))[place[0]]
        assert float(gradient[place]) == pytest.approx(float(change) / (2 * step), abs=1e-7)


@pytest.mark.parametrize("name", ["plain_cnn", "resnet18", "mobilenet_v3_small"])
def test_vanilla_gradient_is_captum_s(name: str) -> None:
    model, _, _ = build(name)
    images, class_idx = noise(2), torch.tensor([4, 1])
    expected = Saliency(model).attribute(images.clone(), target=class_idx, abs=False)

    def score(logits: Tensor) -> Tensor:
        return logits.gather(1, class_idx[:, None])[:, 0]

    actual = vanilla_gradient(model, images, score)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-6 * float(expected.abs().max()))


@pytest.mark.parametrize("images_per_forward", [1, 7, 100])
def test_smoothgrad_is_the_mean_of_captum_s_gradients(images_per_forward: int) -> None:
    net, images = small_net(Functional), small_images()
    class_idx = torch.tensor([4, 0, 1])
    generator = torch.Generator().manual_seed(9)
    expected = torch.zeros_like(images)
    for _ in range(5):
        draw = torch.randn((3, 11, 11), generator=generator)
        for i in range(3):
            sigma = 0.2 * float(images[i].max() - images[i].min())
            noisy = (images[i] + sigma * draw)[None]
            one = Saliency(net).attribute(noisy, target=int(class_idx[i]), abs=False)
            expected[i] += one[0].detach() / 5

    def score(logits: Tensor) -> Tensor:
        return logits.gather(1, class_idx[:, None])[:, 0]

    actual = smoothgrad(
        net, images, score, samples=5, noise=0.2, seed=9, images_per_forward=images_per_forward
    )
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-6)


class SumOfRelus(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.relu().flatten(1).sum(dim=1)


def test_smoothgrad_of_a_relu_is_the_normal_distribution() -> None:
    """E[d relu(x + e) / dx] = Phi(x / sigma)."""
    images = torch.linspace(-1, 1, 9).view(1, 1, 3, 3)
    actual = smoothgrad(SumOfRelus().eval(), images, lambda out: out, samples=4000, noise=0.2)
    sigma = 0.2 * 2
    expected = [0.5 * (1 + math.erf(x / sigma / math.sqrt(2))) for x in images.flatten().tolist()]
    torch.testing.assert_close(actual.flatten(), torch.tensor(expected), rtol=0, atol=0.03)


def test_smoothgrad_without_noise_is_the_gradient_and_seeds_differ() -> None:
    net, images = small_net(Shared), small_images()
    plain = vanilla_gradient(net, images, logit)
    torch.testing.assert_close(smoothgrad(net, images, logit, samples=3, noise=0.0), plain)
    one, again, other = (smoothgrad(net, images, logit, samples=3, seed=s) for s in (0, 0, 1))
    assert torch.equal(one, again) and not torch.allclose(one, other)


def test_smoothgrad_of_an_image_does_not_depend_on_its_neighbours() -> None:
    net, images = small_net(Shared), small_images()
    together = smoothgrad(net, images, logit, samples=4)
    alone = smoothgrad(net, images[1:2], logit, samples=4)
    torch.testing.assert_close(together[1:2], alone, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_the_callers_modes_and_frozen_parameters_change_nothing(method) -> None:
    net, images = small_net(Shared), small_images()
    expected = method(net, images, logit)
    net.requires_grad_(False)
    before = copy.deepcopy(net.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(method(net, images, logit), expected, rtol=0, atol=0)
    with torch.inference_mode():
        born_here = images.clone()
        torch.testing.assert_close(method(net, born_here, logit), expected, rtol=0, atol=0)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert not any(p.requires_grad or p.grad is not None for p in net.parameters())
    assert not images.requires_grad


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_left_behind_even_on_error(method) -> None:
    net, images = small_net(Shared), small_images()
    before = logit(net(images)).detach()

    def failing(logits: Tensor) -> Tensor:
        raise KeyError("score")

    def fails_on_the_way_back(logits: Tensor) -> Tensor:
        def fail(gradient: Tensor) -> Tensor:
            raise KeyError("backward")

        logits.register_hook(fail)
        return logit(logits)

    for score in (failing, fails_on_the_way_back):
        with pytest.raises(KeyError):
            method(net, images, score)
    pixels = images.clone().requires_grad_()
    scores = logit(net(pixels))
    torch.testing.assert_close(scores, before, rtol=0, atol=0)
    expected = vanilla_gradient(small_net(Shared), images, logit)
    torch.testing.assert_close(torch.autograd.grad(scores.sum(), pixels)[0], expected)
    for module in net.modules():
        assert not (module._forward_hooks or module._backward_hooks or module._forward_pre_hooks)


@pytest.mark.parametrize("method", METHODS)
def test_a_model_without_parameters(method) -> None:
    images = small_images()
    actual = method(SumOfRelus().eval(), images, lambda out: out, **_still(method))
    expected = torch.ones_like(images) if method is deconvnet else (images > 0).float()
    torch.testing.assert_close(actual, expected)


def _still(method) -> dict[str, float]:
    return {"noise": 0.0, "samples": 1} if method is smoothgrad else {}


class InPlace(nn.Module):
    """Works on what it is given, as a forward with its own normalisation does."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mul_(3).relu_().flatten(1)


@pytest.mark.parametrize("method", METHODS)
def test_a_model_that_works_on_its_input_in_place(method) -> None:
    images = small_images()
    before = images.clone()
    actual = method(InPlace().eval(), images, logit, **_still(method))
    assert torch.equal(images, before)
    expected = torch.zeros_like(images)
    expected[:, 0, 0, 2] = 3.0 if method is deconvnet else 3.0 * (images[:, 0, 0, 2] > 0)
    torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["conv1.weight", "conv1.bias", "conv2.bias", "linear2.bias"])
def test_nan_weights_give_nan(method, name: str) -> None:
    net = small_net(Shared)
    with torch.no_grad():
        net.get_parameter(name).fill_(torch.nan)
    assert method(net, small_images(), logit).isnan().all()


@pytest.mark.parametrize("method", METHODS)
def test_one_spoilt_image_spoils_no_other(method) -> None:
    net, images = small_net(Shared), small_images()
    expected = method(net, images, logit)
    images[1, 0, 3, 3] = torch.nan
    actual = method(net, images, logit)
    assert actual[1].isnan().all()
    torch.testing.assert_close(actual[[0, 2]], expected[[0, 2]], rtol=1e-5, atol=1e-7)


BAD_SCORES = {
    "two classes": (lambda logits: logits[:, :2], r"\(3, 2\) for 3 images"),
    "too few": (lambda logits: logits[:2, 0], r"\(2,\) for 3 images"),
    "one number": (lambda logits: logits.sum(), r"\(\) for 3 images"),
    "a float": (lambda logits: logits.sum().item(), "score is a float"),
    "detached": (lambda logits: logits[:, 0].detach(), "does not depend"),
    "an index": (lambda logits: logits.argmax(dim=1), "does not depend"),
    "a constant": (lambda logits: torch.ones(3, requires_grad=True), "does not depend"),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", BAD_SCORES)
def test_bad_scores_are_refused(method, kind: str) -> None:
    score, message = BAD_SCORES[kind]
    with pytest.raises(ValueError, match=message):
        method(small_net(Shared), small_images(), score)


@pytest.mark.parametrize("method", METHODS)
def test_bad_images_and_models_are_refused(method) -> None:
    net, images = small_net(Shared), small_images()
    for bad in (images[0], images.to(torch.uint8)):
        with pytest.raises(ValueError, match=r"expected \(N, C, H, W\)"):
            method(net, bad, logit)
    with pytest.raises(ValueError, match=r"'1' \(BatchNorm2d\) is in training mode"):
        method(nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)), images, logit)
    with torch.inference_mode():
        born_there = small_net(Shared)
    with pytest.raises(ValueError, match=r"made in torch\.inference_mode"):
        method(born_there, images, logit)


@pytest.mark.parametrize(
    "wrong", [{"samples": 0}, {"noise": -0.1}, {"noise": math.nan}, {"images_per_forward": 0}]
)
def test_smoothgrad_refuses_numbers_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected at least"):
        smoothgrad(small_net(Shared), small_images(), logit, **wrong)


class Pair(nn.Module):
    def forward(self, images: Tensor) -> tuple[Tensor, str]:
        return images.square().flatten(1), "more"


def test_smoothgrad_of_a_model_that_returns_more_than_a_tensor() -> None:
    images = small_images()
    with pytest.raises(ValueError, match="Pass images_per_forward=1"):
        smoothgrad(Pair().eval(), images, lambda out: out[0].sum(1))
    actual = smoothgrad(
        Pair().eval(), images, lambda out: out[0].sum(1), noise=0.0, images_per_forward=1
    )
    torch.testing.assert_close(actual, 2 * images)
