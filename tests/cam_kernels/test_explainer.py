"""Targets, several classes and layers, and the kinds of model that an Explainer takes."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cam_kernels.explainer import Explainer
from cam_kernels.methods.weighted_sum import fuse_layers
from cam_kernels.targets import ClassScore, class_targets
from tests.cam_kernels.architectures import CLASSES, build, noise

CLASS_IDX = torch.tensor([[0, 3, 6], [5, 1, 2]])


def hirescam_by_hand(
    model: nn.Module, layer: str, images: Tensor, score: Callable[[Any], Tensor]
) -> np.ndarray:
    """HiResCAM of any score in float64, signed, by a hook and autograd through the network."""
    exact = copy.deepcopy(model).eval().double()
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        kept.append(output)
        return output.clone()

    exact.get_submodule(layer).register_forward_hook(keep)
    with torch.enable_grad():
        output = exact(images.double().requires_grad_())
        (gradient,) = torch.autograd.grad(score(output).sum(), kept[0])
    return (gradient * kept[0].detach()).sum(dim=1).numpy()


def assert_close(actual: Tensor, expected: np.ndarray, tolerance: float = 1e-4) -> None:
    assert actual.dtype == torch.float32 and np.abs(expected).max() > 0
    error = np.abs(actual.double().numpy() - expected).max()
    assert error <= tolerance * np.abs(expected).max()


SCORES = {
    "logit": lambda c: lambda out: out.gather(1, c[:, None])[:, 0],
    "probability": lambda c: lambda out: out.softmax(1).gather(1, c[:, None])[:, 0],
    "sigmoid": lambda c: lambda out: out.sigmoid().gather(1, c[:, None])[:, 0],
}


@pytest.mark.parametrize("scale", SCORES)
@pytest.mark.parametrize("name", ["plain_cnn", "vgg_like", "resnet18_middle", "mobilenet_v2"])
def test_several_classes_on_every_scale(name: str, scale: str) -> None:
    model, layer, _ = build(name)
    images = noise(2)
    maps = Explainer(model, layer, images).explain(
        images, ["hirescam"], class_targets(CLASS_IDX, scale)
    )["hirescam"]
    assert maps.shape[:2] == (2, 3)
    for place in range(3):
        score = SCORES[scale](CLASS_IDX[:, place])
        assert_close(maps[:, place], hirescam_by_hand(model, layer, images, score))


def test_a_function_as_the_target() -> None:
    model, layer, _ = build("vgg_like")
    images = noise(3)

    def margin(logits: Tensor) -> Tensor:
        return logits[:, 2] - logits[:, 4:].mean(dim=1)

    maps = Explainer(model, layer, images).forward(images).map("hirescam", margin)
    assert_close(maps, hirescam_by_hand(model, layer, images, margin))


class Detector(nn.Module):
    """Returns a dict of boxes and scores per cell, and the features, as detectors do."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3, stride=4), nn.BatchNorm2d(6), nn.ReLU())
        self.scores, self.boxes = nn.Conv2d(6, 2, 1), nn.Conv2d(6, 4, 1)

    def forward(self, images: Tensor) -> dict[str, Any]:
        features = self.body(images)
        return {"scores": self.scores(features), "boxes": (self.boxes(features), len(images))}


def test_a_detector_through_a_function() -> None:
    torch.manual_seed(0)
    model, images = Detector().eval(), noise(2)

    def best_cell(output: dict[str, Any]) -> Tensor:
        return output["scores"][:, 1].flatten(1).amax(dim=1)

    explainer = Explainer(model, "body", images)
    maps = explainer.forward(images).map("hirescam", best_cell)
    assert_close(maps, hirescam_by_hand(model, "body", images, best_cell))
    with pytest.raises(ValueError, match=r"returns dict; expected logits.*Give a target"):
        explainer.forward(images).map("hirescam", ClassScore(torch.tensor([0, 1])))


def test_five_classes_cost_one_forward() -> None:
    model, layer, _ = build("vgg_like")
    images = noise(2)
    explainer = Explainer(model, layer, images)
    calls: list[int] = []
    explainer.model.register_forward_hook(lambda *_: calls.append(1))
    explainer.explain(
        images, ["hirescam", "gradcam++", "layercam"], class_targets(torch.arange(5).expand(2, 5))
    )
    assert len(calls) == 1


@pytest.mark.parametrize("count", [1, 3])
def test_a_target_count_that_differs_from_the_batch_is_an_error(count: int) -> None:
    model, layer, _ = build("vgg_like")
    forward = Explainer(model, layer, noise(2)).forward(noise(2))
    with pytest.raises(ValueError, match=rf"\[{count}\] for 2 images"):
        forward.map("hirescam", ClassScore(torch.zeros(count, dtype=torch.int64)))
    with pytest.raises(ValueError, match=rf"\[{count}\] for 2 images"):
        forward.map("hirescam", lambda logits: logits.new_zeros(count))
    with pytest.raises(ValueError, match=r"\[2, 7\] for 2 images"):
        forward.map("hirescam", lambda logits: logits)


@pytest.mark.parametrize("count", [1, 3])
def test_so_it_is_behind_a_closed_form(count: int) -> None:
    model, layer, _ = build("resnet18")
    forward = Explainer(model, layer, noise(2)).forward(noise(2))
    with pytest.raises(ValueError, match=rf"\[{count}\] for 2 images"):
        forward.map("hirescam", ClassScore(torch.zeros(count, dtype=torch.int64)))


def test_a_target_that_ignores_the_layer_is_an_error() -> None:
    model, layer, _ = build("vgg_like")
    forward = Explainer(model, layer, noise(2)).forward(noise(2))
    with pytest.raises(ValueError, match="does not depend on layer 'features'"):
        forward.map("hirescam", lambda logits: torch.ones(2))


@pytest.mark.parametrize("caller", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_frozen_parameters_and_callers_without_gradients(caller: Callable) -> None:
    model, layer, _ = build("vgg_like")
    images, target = noise(2), ClassScore(torch.tensor([1, 2]))
    expected = hirescam_by_hand(model, layer, images, SCORES["logit"](target.class_idx))
    model.requires_grad_(False)
    with caller():
        maps = Explainer(model, layer, images).forward(images).map("hirescam", target)
    assert_close(maps, expected)


def test_bfloat16() -> None:
    model, layer, _ = build("resnet18_middle")
    images, target = noise(2), ClassScore(torch.tensor([1, 2]))
    expected = hirescam_by_hand(model, layer, images, SCORES["logit"](target.class_idx))
    half = copy.deepcopy(model).bfloat16()
    maps = Explainer(half, layer, images.bfloat16()).forward(images.bfloat16())
    # 8 bits of mantissa through some 20 layers
    actual = maps.map("hirescam", target)
    assert actual.dtype == torch.float32
    assert np.corrcoef(actual.flatten(), expected.flatten())[0, 1] > 0.95


def test_a_compiled_model_is_explained_as_its_module() -> None:
    model, layer, _ = build("vgg_like")
    images, target = noise(2), ClassScore(torch.tensor([1, 2]))
    compiled: Any = torch.compile(model, backend="eager")
    maps = Explainer(compiled, layer, images).forward(images).map("hirescam", target)
    assert_close(maps, hirescam_by_hand(model, layer, images, SCORES["logit"](target.class_idx)))


def test_channels_last_images_and_a_batch_of_one() -> None:
    model, layer, _ = build("vgg_like")
    images, target = noise(1), ClassScore(torch.tensor([4]))
    expected = hirescam_by_hand(model, layer, images, SCORES["logit"](target.class_idx))
    for given in (images, images.contiguous(memory_format=torch.channels_last)):
        for exact in (False, True):
            explainer = Explainer(model, layer, given, exact=exact)
            assert_close(explainer.forward(given).map("hirescam", target), expected)


def test_layers_are_fused_from_one_forward() -> None:
    model, _, _ = build("resnet18")
    images, target = noise(2), ClassScore(torch.tensor([1, 2]))
    explainer = Explainer(model, ["layer3", "layer4"], images)
    score = SCORES["logit"](target.class_idx)
    each = [hirescam_by_hand(model, layer, images, score) for layer in ("layer3", "layer4")]
    forward = explainer.forward(images)
    assert list(forward.layers) == ["layer3", "layer4"]
    fused = fuse_layers([torch.from_numpy(one).float() for one in each])
    assert_close(forward.map("hirescam", target), fused.double().numpy())


def test_unknown_layers_and_shared_ones() -> None:
    model, _, _ = build("vgg_like")
    with pytest.raises(ValueError, match="features"):
        Explainer(model, "featurs", noise(2))


def test_classes_out_of_range() -> None:
    model, layer, _ = build("resnet18")
    forward = Explainer(model, layer, noise(2)).forward(noise(2))
    with pytest.raises(ValueError, match=rf"class 9 is none .* {CLASSES} classes"):
        forward.map("hirescam", ClassScore(torch.tensor([0, 9])))
