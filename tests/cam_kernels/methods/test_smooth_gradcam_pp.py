"""Smooth Grad-CAM++ against a restatement, Grad-CAM++ and torchcam, and on bad input."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from cam_kernels.methods.channel_weights import gradcam_pp_weights
from cam_kernels.methods.smooth_gradcam_pp import smooth_gradcam_pp_weights
from cam_kernels.methods.weighted_sum import heatmap
from tests.cam_kernels import perturbation_peers as peers
from tests.cam_kernels import restated
from tests.cam_kernels.perturbed_models import LARGE, SMALL, perturbed_model

SMOOTHED = {"samples": 4, "spread": 0.2, "seed": 3}


def example() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    images = torch.randn((3, 2, 4, 4), generator=generator)
    return images, _activations(images)


def _activations(images: Tensor) -> Tensor:
    return torch.cat([images.relu(), (-images).relu()], dim=1)


def gradients_of(images: Tensor, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    """Gradients that follow the noise; each cell on its own, so neighbours cannot matter."""
    return _activations(images), scale * torch.cat([images.sin(), images.cos() - 0.5], dim=1)


@pytest.mark.parametrize("name", SMALL)
def test_weights_are_those_of_the_restatement(name: str) -> None:
    case = perturbed_model(name)
    actual = smooth_gradcam_pp_weights(case.images, case.activations, case.gradients_of, **SMOOTHED)
    assert restated.difference(actual, restated.smooth_gradcam_pp(case, **SMOOTHED)) < 2e-5


@pytest.mark.parametrize("name", LARGE)
def test_weights_of_torchvision_s_networks(name: str) -> None:
    case = perturbed_model(name, count=1)
    actual = smooth_gradcam_pp_weights(case.images, case.activations, case.gradients_of, **SMOOTHED)
    # Where 2 D_2 + D_3 sum A is near 0 the float32 of the model's gradients shows.
    assert restated.difference(actual, restated.smooth_gradcam_pp(case, **SMOOTHED)) < 2e-3


@pytest.mark.parametrize("scale", [1e-14, 1e-4, 1.0, 1e4])
def test_without_noise_it_is_gradcam_pp(scale: float) -> None:
    images, activations = example()
    gradients = gradients_of(images, scale)[1]
    expected = gradcam_pp_weights(activations, gradients)
    actual = smooth_gradcam_pp_weights(
        images, activations, lambda noisy: gradients_of(noisy, scale), samples=3, spread=0
    )
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=0)


def test_by_hand() -> None:
    """Two copies with g = 1 and 2: D = 3/2, 5/2, 9/2; alpha = 2.5 / (5 + 4.5 x 2)."""
    given = iter([1.0, 2.0])
    activations = torch.full((1, 1, 1, 2), 1.0)
    weights = smooth_gradcam_pp_weights(
        torch.zeros(1, 1, 2, 2),
        activations,
        lambda images: (activations, torch.tensor([next(given), -1.0]).view(1, 1, 1, 2)),
        samples=2,
    )
    assert weights.item() == pytest.approx(1.5 * 2.5 / 14)


def test_alpha_without_meaning_counts_as_zero() -> None:
    images = torch.zeros(1, 1, 2, 2)
    activations = torch.tensor([-3.0, -1.0, -2.0, -1.0]).view(1, 4, 1, 1)
    gradients = torch.tensor([1.0, 1.0, 1.0, 0.0]).view(1, 4, 1, 1)
    actual = smooth_gradcam_pp_weights(images, activations, lambda _: (activations, gradients))
    assert actual.tolist() == [[0.0, 1.0, 0.0, 0.0]]


def test_a_gradient_of_one_cell_stands_for_every_cell() -> None:
    images, activations = example()
    per_channel = gradients_of(images)[1][:, :, :1, :1]
    short, long = (
        smooth_gradcam_pp_weights(images, activations, lambda _, g=g: (activations, g), samples=2)
        for g in (per_channel, per_channel.expand_as(activations))
    )
    torch.testing.assert_close(short, long, rtol=1e-6, atol=0)


def test_neighbours_do_not_matter_and_the_seed_does() -> None:
    images, activations = example()
    together = smooth_gradcam_pp_weights(images, activations, gradients_of, **SMOOTHED)
    for n in range(3):
        one = slice(n, n + 1)
        alone = smooth_gradcam_pp_weights(images[one], activations[one], gradients_of, **SMOOTHED)
        torch.testing.assert_close(alone[0], together[n], rtol=1e-6, atol=0)
    other = smooth_gradcam_pp_weights(images, activations, gradients_of, **SMOOTHED | {"seed": 4})
    assert float((other - together).abs().max()) > 1e-3


@pytest.mark.parametrize("spoilt", ["images", "activations", "gradients"])
def test_nan_stays_nan_and_stays_alone(spoilt: str) -> None:
    images, activations = example()
    expected = smooth_gradcam_pp_weights(images, activations, gradients_of, **SMOOTHED)

    def spoilt_gradients(noisy: Tensor) -> tuple[Tensor, Tensor]:
        found, gradients = gradients_of(noisy)
        if spoilt == "gradients":
            gradients[1, 2, 0, 0] = torch.nan
        return found, gradients

    if spoilt == "images":
        images[1, 0, 0, 0] = torch.nan
        activations = _activations(images)
    elif spoilt == "activations":
        activations[1, 2, 0, 0] = torch.nan
    weights = smooth_gradcam_pp_weights(images, activations, spoilt_gradients, **SMOOTHED)
    assert not heatmap(activations, weights)[1].isfinite().all()
    assert weights[[0, 2]].tolist() == expected[[0, 2]].tolist()


@pytest.mark.parametrize("spoil", [lambda g: g[:-1], lambda g: g[:, :1], lambda g: g.sum()])
def test_gradients_of_another_shape_are_an_error(spoil: Callable) -> None:
    images, activations = example()
    with pytest.raises(ValueError, match="gradients_of returned gradients of shape"):
        smooth_gradcam_pp_weights(
            images, activations, lambda noisy: (activations, spoil(gradients_of(noisy)[1]))
        )


def test_bad_input() -> None:
    images, activations = example()
    with pytest.raises(ValueError, match="samples is 0"):
        smooth_gradcam_pp_weights(images, activations, gradients_of, samples=0)
    with pytest.raises(ValueError, match="expected a share of the value range"):
        smooth_gradcam_pp_weights(images, activations, gradients_of, spread=-0.1)
    with pytest.raises(ValueError, match="2 images but activations of 3"):
        smooth_gradcam_pp_weights(images[:2], activations, gradients_of)


@pytest.mark.parametrize("name", [name for name in SMALL if name != "plain_cnn_before_relu"])
def test_torchcam_differs_by_its_formula_alone(name: str) -> None:
    """It sums g^3 A over cells where the paper has g^3 sum A, takes the last copy's gradient for
    the mean, and adds 1e-8."""
    case = perturbed_model(name, count=1)
    explained = restated.smooth_gradcam_pp(
        case, **SMOOTHED, product_in_sum=True, last_gradient=True, epsilon=1e-8
    )
    theirs = peers.torchcam_smooth_gradcam_pp(case, **SMOOTHED)
    assert restated.difference(theirs, explained) < 2e-4
