"""FullGrad: completeness on ReLU networks, and terms against derivatives without a backward."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cam_kernels.methods.full_gradients import full_gradients
from cam_kernels.methods.fullgrad import fullgrad_map
from tests import reference
from tests.cam_kernels.architectures import build, noise, plain_cnn, randomise
from tests.cam_kernels.restatements import fullgrad as slow


def first_class(logits: Tensor) -> Tensor:
    return logits[:, 1]


@pytest.mark.parametrize(
    "name", ["plain_cnn", "vgg_like", "resnet18", "densenet121", "squeezenet1_0"]
)
def test_the_terms_add_up_to_the_score(name: str) -> None:
    """f(x) = sum of input gradient x input and of all bias gradients."""
    model, _, _ = build(name)
    images = noise(2, side=48)
    terms = full_gradients(copy.deepcopy(model).double(), images.double(), first_class)
    expected = reference.logits_of(model, images)[:, 1]
    np.testing.assert_allclose(terms.scores, expected, rtol=1e-12)
    np.testing.assert_allclose(terms.total(), expected, rtol=1e-9)


def test_where_a_network_is_not_relu_the_gap_tells() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    terms = full_gradients(model.eval(), noise(2, side=16), first_class)
    assert ((terms.total() - terms.scores).abs() > 1e-3).all()


def test_each_term_of_a_chain() -> None:
    """Against derivatives by central differences, layer by layer, without a backward pass."""
    torch.manual_seed(0)
    model = randomise(plain_cnn())
    image = noise(1, side=12)
    terms = full_gradients(model, image, first_class)
    expected = slow.bias_terms(model, image, 1)
    actual = [terms.input_term[0], *(term[0] for term in terms.bias_terms)]
    assert len(actual) == len(expected) == 5
    for ours, theirs in zip(actual, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5 * np.abs(theirs).max())
    image_map = slow.fullgrad_map(expected, (12, 12))
    np.testing.assert_allclose(fullgrad_map(model, image, first_class)[0], image_map, rtol=1e-3)


def test_a_layer_that_runs_twice_counts_twice() -> None:
    shared = nn.Linear(5, 5)
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), shared, nn.ReLU(), shared)
    terms = full_gradients(model.double().eval(), noise(3, side=2).double(), first_class)
    assert len(terms.bias_terms) == 3
    torch.testing.assert_close(terms.total(), terms.scores)


def test_batch_norm_without_affine_parameters() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4, affine=False),
                          nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                          nn.BatchNorm1d(4)).double()  # fmt: skip
    for norm in (model[1], model[5]):
        norm.running_mean.uniform_(-1, 1)
    terms = full_gradients(model.eval(), noise(2, side=8).double(), first_class)
    torch.testing.assert_close(terms.total(), terms.scores)


def test_an_image_alone_and_the_model_untouched() -> None:
    model, _, _ = build("resnet18")
    model.requires_grad_(False)
    images = noise(3, side=32)
    with torch.inference_mode():
        maps = fullgrad_map(model, images, first_class)
        alone = fullgrad_map(model, images[1:2], first_class)
    torch.testing.assert_close(alone[0], maps[1], rtol=1e-4, atol=1e-4)
    assert not any(module._forward_hooks for module in model.modules())
    images[0, 0, 3, 3] = torch.nan
    spoilt = fullgrad_map(model, images, first_class)
    assert spoilt[0].isnan().all()
    torch.testing.assert_close(spoilt[1:], maps[1:], rtol=1e-4, atol=1e-4)


def test_bfloat16_is_near() -> None:
    model, _, _ = build("vgg_like")
    images = noise(1, side=24)
    expected = fullgrad_map(model, images, first_class)
    maps = fullgrad_map(copy.deepcopy(model).bfloat16(), images.bfloat16(), first_class)
    assert maps.dtype == torch.float32
    assert np.corrcoef(maps.flatten(), expected.flatten())[0, 1] > 0.95


def test_bad_input_and_hooks_gone_after_an_error() -> None:
    model, _, _ = build("plain_cnn")
    with pytest.raises(ValueError, match=r"one score per image, shape \(2,\).*\(2, 7\)"):
        fullgrad_map(model, noise(2, side=8), lambda logits: logits)
    with pytest.raises(ZeroDivisionError):
        fullgrad_map(model, noise(2, side=8), lambda logits: logits / (1 // 0))
    assert not any(module._forward_hooks for module in model.modules())
    with pytest.raises(ValueError, match=r"'1' uses those of the batch.*model.eval\(\)"):
        fullgrad_map(model.train(), noise(2, side=8), first_class)
