"""Channel weights of CAM, Grad-CAM, Grad-CAM++ against restatements and pytorch-grad-cam."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM, GradCAMPlusPlus
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from cam_kernels.first_pass import FirstPass
from cam_kernels.methods.channel_weights import (
    cam_weights,
    gradcam_pp_epsilon_weights,
    gradcam_pp_official_weights,
    gradcam_pp_weights,
    gradcam_weights,
)
from cam_kernels.methods.weighted_sum import contrast_map, heatmap
from tests import reference
from tests.cam_kernels.architectures import build, noise

WEIGHTS = [gradcam_pp_weights, gradcam_pp_official_weights, gradcam_pp_epsilon_weights,
           gradcam_weights, cam_weights]  # fmt: skip


def example(scale: float = 1.0) -> tuple[Tensor, Tensor]:
    """Activations >= 0 with dead channels, gradients of both signs with exact zeros."""
    generator = torch.Generator().manual_seed(3)
    activations = torch.randn((4, 6, 5, 3), generator=generator).relu()
    gradients = torch.randn((4, 6, 5, 3), generator=generator) * scale
    activations[:, 1], gradients[:, 2], gradients[0, 3, :2] = 0, 0, 0
    return activations, gradients


@pytest.mark.parametrize("scale", [1e-12, 1e-4, 1.0, 1e4])
def test_gradcam_pp_is_equation_19_at_any_scale(scale: float) -> None:
    activations, gradients = example(scale)
    expected = reference.gradcam_pp_weights(
        activations.double().numpy(), gradients.double().numpy()
    )
    actual = gradcam_pp_weights(activations, gradients).numpy()
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


def test_official_weights_are_those_of_the_authors_code() -> None:
    activations, gradients = example(0.1)
    expected = reference.gradcam_pp_official_weights(
        activations.double().numpy(), gradients.double().numpy(), [0.0] * 4
    )
    actual = gradcam_pp_official_weights(activations, gradients).numpy()
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-9)


def test_the_factor_that_official_leaves_out_only_scales_the_map() -> None:
    arrays = [tensor.double().numpy() for tensor in example(0.1)]
    plain = reference.gradcam_pp_official_weights(*arrays, [0.0] * 4)
    scaled = reference.gradcam_pp_official_weights(*arrays, [2.0] * 4)
    np.testing.assert_allclose(scaled, np.exp(2.0) * plain, rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-4, 1e-2, 1.0])
def test_weights_equal_pytorch_grad_cam_s(scale: float) -> None:
    activations, gradients = example(scale)
    arrays = activations.numpy(), gradients.numpy()
    for ours, theirs in (
        (gradcam_pp_epsilon_weights, GradCAMPlusPlus),
        (gradcam_weights, GradCAM),
    ):
        expected = theirs.get_cam_weights(None, None, None, None, *arrays)
        np.testing.assert_allclose(ours(activations, gradients), expected, rtol=2e-5, atol=1e-12)


@pytest.mark.parametrize("name", ["plain_cnn", "vgg_like", "resnet18"])
@pytest.mark.parametrize(
    "method, library", [("gradcam++-epsilon", GradCAMPlusPlus), ("gradcam", GradCAM)]
)
def test_raw_maps_equal_pytorch_grad_cam_s(name: str, method: str, library: type) -> None:
    model, layer, _ = build(name)
    images = noise(3)
    batch = FirstPass(model, layer, [method], images)(images, torch.full((3,), -1))
    targets = [ClassifierOutputTarget(c) for c in batch.predicted.tolist()]
    with library(model=model, target_layers=[model.get_submodule(layer)]) as cam:
        cam(input_tensor=images, targets=targets)
        seen = cam.activations_and_grads
        arrays = seen.activations[0].numpy(), seen.gradients[0].numpy()
        raw = np.maximum(cam.get_cam_image(images, None, targets, *arrays), 0)
    if name == "vgg_like":
        assert raw.max() > 0
    np.testing.assert_allclose(batch.predicted_maps[:, 0], raw, rtol=2e-4, atol=2e-5 * raw.max())


@pytest.mark.parametrize("weights", WEIGHTS)
def test_a_gradient_of_one_cell_stands_for_every_cell(weights: Callable) -> None:
    activations, gradients = example(0.2)
    per_channel = gradients[:, :, :1, :1]
    expanded = per_channel.expand_as(activations)
    short, long = (weights(activations, g) for g in (per_channel, expanded))
    torch.testing.assert_close(short, long, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(
        contrast_map(activations, per_channel),
        contrast_map(activations, expanded),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("weights", WEIGHTS)
def test_memory_format_does_not_matter(weights: Callable) -> None:
    activations, gradients = example(0.2)
    expected = heatmap(activations, weights(activations, gradients))
    last = activations.contiguous(memory_format=torch.channels_last)
    actual = heatmap(last, weights(last, gradients))
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-6)


def test_alpha_without_meaning_counts_as_zero() -> None:
    activations = torch.tensor([-3.0, -1.0, -2.0, -1.0]).view(1, 4, 1, 1)
    gradients = torch.tensor([1.0, 1.0, 1.0, 2.0]).view(1, 4, 1, 1)
    # 2 + g sum A is -1, 1, 0 and 0.
    assert gradcam_pp_weights(activations, gradients).tolist() == [[0.0, 1.0, 0.0, 0.0]]


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("spoilt", ["activations", "gradients"])
def test_nan_is_never_turned_into_a_map_without_evidence(weights: Callable, spoilt: str) -> None:
    activations, gradients = example()
    (activations if spoilt == "activations" else gradients)[1, 0, 2, 2] = torch.nan
    maps = heatmap(activations, weights(activations, gradients))
    assert not maps[1].isfinite().all()
    assert maps[[0, 2, 3]].isfinite().all()


def test_heatmap_and_contrast_by_hand() -> None:
    activations = torch.tensor([[[[1.0, 2.0]], [[3.0, -1.0]]]])
    assert heatmap(activations, torch.tensor([[2.0, -1.0]])).tolist() == [[[0.0, 5.0]]]
    assert contrast_map(activations, torch.tensor([[2.0, -1.0]]).view(1, 2, 1, 1)).tolist() == [
        [[-1.0, 5.0]]
    ]
    varying = torch.tensor([[[[1.0, 0.0]], [[0.0, 4.0]]]])
    assert contrast_map(activations, varying).tolist() == [[[1.0, -4.0]]]


def test_the_in_place_successor_trap() -> None:
    """pytorch-grad-cam pairs post-ReLU activations with pre-ReLU gradients here; we must not."""
    model, _, _ = build("plain_cnn")
    assert isinstance(model[5], nn.ReLU) and model[5].inplace
    images = noise(2)
    batch = FirstPass(model, "4", ["gradcam"], images, exact=True)(images, torch.tensor([-1, -1]))
    arrays = reference.activations_and_gradients(model, "4", images, batch.predicted.tolist())
    assert arrays[0].min() < 0
    expected = arrays[0].min(axis=(2, 3))
    assert batch.unit_max.shape == expected.shape
    np.testing.assert_allclose(batch.unit_max, arrays[0].max(axis=(2, 3)), rtol=1e-4, atol=1e-5)
    raw = reference.class_map(arrays[0], reference.gradcam_weights(arrays[1]))
    np.testing.assert_allclose(batch.predicted_maps[:, 0], raw, rtol=1e-4, atol=1e-5)
