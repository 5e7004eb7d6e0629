"""Shapley-CAM's curvature and the scores of Shapley-CAM and Finer-CAM."""

import numpy as np
import pytest
import torch
from torch import Tensor

from cam_kernels.explainer import Explainer
from cam_kernels.methods.finer import finer_scores
from cam_kernels.methods.shapley import (
    hessian_vector_product,
    rest_scores,
    shapleycam_weights,
)
from cam_kernels.targets import ClassScore
from tests.cam_kernels.restatements import scores as slow
from tests.conformance.cases import case


def logits(classes: int = 6) -> Tensor:
    return 3 * torch.randn((5, classes), generator=torch.Generator().manual_seed(7))


def test_curvature_is_the_whole_hessian_times_the_activations() -> None:
    """A cubic score, whose Hessian is known in closed form: sum_k w_k A^3 has 6 w A on its
    diagonal; products of neighbouring channels are off it."""
    activations = torch.randn((2, 3, 2, 2), dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)[:, None, None]
    cubic = (weights * activations**3).flatten(1).sum(dim=1)
    products = (activations[:, 0] * activations[:, 1]).flatten(1).sum(dim=1)
    gradients, curvature = hessian_vector_product(cubic + products, activations)
    a = activations.detach()
    swapped = torch.stack([a[:, 1], a[:, 0], torch.zeros_like(a[:, 2])], dim=1)
    torch.testing.assert_close(gradients, 3 * weights * a**2 + swapped)
    torch.testing.assert_close(curvature, 6 * weights * a * a + swapped)
    expected = (gradients - curvature / 2).mean(dim=(2, 3))
    torch.testing.assert_close(shapleycam_weights(a, gradients, curvature), expected)
    assert not gradients.requires_grad and not curvature.requires_grad


@pytest.mark.parametrize("architecture", ["plain CNN", "residual", "depthwise", "GAP head"])
def test_of_a_piecewise_linear_logit_it_is_gradcam(architecture: str) -> None:
    here = case(architecture)
    evidence = Explainer(here.model, here.layer, here.images, exact=True).forward(here.images)
    (evidence,) = evidence.layers.values()
    target = ClassScore(here.classes)
    gradients, curvature = evidence.gradients(target), evidence.curvature(target)
    assert curvature.abs().max() == 0
    weights = shapleycam_weights(evidence.activations, gradients, curvature)
    expected = torch.from_numpy(here.exact_gradients.mean(axis=(2, 3))).float()
    torch.testing.assert_close(weights, expected, rtol=1e-4, atol=1e-6)


def test_curvature_needs_a_graph() -> None:
    with pytest.raises(ValueError, match=r"requires_grad False \(scores\), True"):
        hessian_vector_product(torch.zeros(2), torch.zeros((2, 3, 4, 4), requires_grad=True))
    with pytest.raises(ValueError, match=r"True \(scores\), False \(activations\)"):
        hessian_vector_product(torch.zeros(2, requires_grad=True), torch.zeros((2, 3, 4, 4)))


def test_rest_scores() -> None:
    values, classes = logits(), torch.tensor([0, 5, 2, 2, 1])
    expected = [
        float(slow.rest_score(row.double(), c))
        for row, c in zip(values, classes.tolist(), strict=True)
    ]
    np.testing.assert_allclose(rest_scores(values, classes), expected, rtol=1e-6)
    large = torch.tensor([[1e4, 0.0]])  # the exponential of which overflows
    assert rest_scores(large, torch.tensor([1])).tolist() == [-1e4]


@pytest.mark.parametrize("similar", [1, 3, 5, 50])
@pytest.mark.parametrize("strength", [0.0, 0.6, 1.0])
def test_finer_scores(similar: int, strength: float) -> None:
    values, classes = logits(), torch.tensor([0, 5, 2, 2, 1])
    expected = [
        float(slow.finer_score(row.double(), c, similar, strength))
        for row, c in zip(values, classes.tolist(), strict=True)
    ]
    actual = finer_scores(values, classes, similar, strength)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def test_finer_by_hand_with_ties_and_gradients() -> None:
    values = torch.tensor([[4.0, 4.0, 3.0, 3.0, -9.0]], requires_grad=True)
    scores = finer_scores(values, torch.tensor([1]), similar=2, strength=0.5)
    scores.sum().backward()
    assert scores.tolist() == [4 - 0.5 * 3.5]  # class 0 is closest; of 2 and 3 the lower index
    assert values.grad.tolist() == [[-0.25, 1.0, -0.25, 0.0, 0.0]]


@pytest.mark.parametrize(
    "shape, similar, strength, message",
    [
        ((2, 1), 3, 0.6, r"at least two classes, got \(2, 1\)"),
        ((4,), 3, 0.6, r"got \(4,\)"),
        ((2, 4), 0, 0.6, "similar >= 1"),
        ((2, 4), 3, -0.1, "strength >= 0, got 3 and -0.1"),
        ((2, 4), 3, float("nan"), "strength >= 0"),
        ((2, 4), 3, float("inf"), "strength >= 0"),
    ],
)
def test_finer_bad_input(
    shape: tuple[int, ...], similar: int, strength: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        finer_scores(torch.zeros(shape), torch.zeros(2, dtype=torch.long), similar, strength)
