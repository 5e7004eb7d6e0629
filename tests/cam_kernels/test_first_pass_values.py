"""The maps of the first pass equal the papers' equations on the untouched model in float64."""

import functools

import numpy as np
import pytest
import torch
from torch import Tensor

from cam_kernels.first_pass import FirstPass, FirstPassBatch
from cam_kernels.head import find_pooled_linear_head
from tests import reference
from tests.cam_kernels.architectures import ARCHITECTURES, CLASSES, build, noise

TOLERANCE = 1e-5  # of the map's largest value


@functools.cache
def oracle(name: str) -> dict:
    """Logits, classes, activations and gradients of three images: right, wrong, no label."""
    model, layer, _ = build(name)
    images = noise(3)
    logits = reference.logits_of(model, images)
    order = np.argsort(-logits, axis=1)
    labels = np.array([order[0, 0], order[1, 3], -1])
    predicted, against = order[:, 0], np.array([order[0, 1], order[1, 3], order[2, 1]])
    activations, gradient = reference.activations_and_gradients(model, layer, images, predicted)
    _, against_gradient = reference.activations_and_gradients(model, layer, images, against)
    return {
        "model": model, "layer": layer, "images": images, "labels": torch.from_numpy(labels),
        "logits": logits, "predicted": predicted, "against": against, "activations": activations,
        "gradient": gradient, "against_gradient": against_gradient,
    }  # fmt: skip


@functools.cache
def explain(name: str, method: str, exact: bool) -> FirstPassBatch:
    truth = oracle(name)
    first_pass = FirstPass(truth["model"], truth["layer"], [method], noise(2, seed=9), exact=exact)
    return first_pass(truth["images"], truth["labels"])


def assert_close(actual: Tensor, expected: np.ndarray) -> None:
    """Equal to 1e-5 of the largest value of each image."""
    assert actual.dtype == torch.float32
    assert actual.shape == expected.shape
    largest = np.abs(expected).reshape(len(expected), -1).max(axis=1)
    assert (largest > 0).all(), "the case shows nothing: the expected values are all 0"
    error = np.abs(actual.double().numpy() - expected).reshape(len(expected), -1).max(axis=1)
    assert (error / largest).max() < TOLERANCE


@pytest.mark.parametrize("exact", [False, True], ids=["fast", "exact"])
@pytest.mark.parametrize("name", ARCHITECTURES)
class TestAgainstFloat64:
    def test_logits_and_compared_classes(self, name: str, exact: bool) -> None:
        truth, batch = oracle(name), explain(name, "gradcam++", exact)
        assert_close(batch.logits, truth["logits"])
        assert batch.predicted.tolist() == truth["predicted"].tolist()
        assert batch.against.tolist() == truth["against"].tolist()

    def test_gradcam_pp(self, name: str, exact: bool) -> None:
        truth, batch = oracle(name), explain(name, "gradcam++", exact)
        activations = truth["activations"]
        for actual, gradient in (
            (batch.predicted_maps[:, 0], truth["gradient"]),
            (batch.against_maps[:, 0], truth["against_gradient"]),
        ):
            weights = reference.gradcam_pp_weights(activations, gradient)
            assert_close(actual, reference.class_map(activations, weights))

    def test_contrast(self, name: str, exact: bool) -> None:
        truth, batch = oracle(name), explain(name, "gradcam++", exact)
        gradients = truth["gradient"], truth["against_gradient"]
        assert_close(batch.contrast, reference.contrast_map(truth["activations"], *gradients))

    def test_units(self, name: str, exact: bool) -> None:
        truth, batch = oracle(name), explain(name, "gradcam++", exact)
        flat = truth["activations"].reshape(*truth["activations"].shape[:2], -1)
        assert_close(batch.unit_max, flat.max(axis=2))
        assert_close(batch.pooled, flat.mean(axis=2))
        at_position = np.take_along_axis(flat, batch.unit_position.numpy()[..., None], axis=2)
        assert_close(batch.unit_max, at_position[..., 0])

    def test_contributions(self, name: str, exact: bool) -> None:
        truth, batch = oracle(name), explain(name, "gradcam++", exact)
        # Of the label's class: the first image's is predicted, the second's is not, the third has
        # no label and is explained by its prediction.
        gradient = truth["gradient"].copy()
        gradient[1] = truth["against_gradient"][1]
        terms = gradient * truth["activations"]
        expected = terms.sum(axis=(2, 3))
        assert batch.contribution.shape == expected.shape
        # Cancelling terms: the error is measured against what was summed, not the sum.
        summed = np.abs(terms).sum(axis=(2, 3)).max(axis=1)
        error = np.abs(batch.contribution.double().numpy() - expected).max(axis=1)
        assert summed.min() > 0 and (error / summed).max() < TOLERANCE


@pytest.mark.parametrize("exact", [False, True], ids=["fast", "exact"])
@pytest.mark.parametrize("name", ["plain_cnn", "vgg_like", "resnet18", "squeezenet1_0"])
def test_gradcam_where_it_has_evidence(name: str, exact: bool) -> None:
    truth, batch = oracle(name), explain(name, "gradcam", exact)
    activations = truth["activations"]
    weights = reference.gradcam_weights(truth["gradient"])
    expected = reference.class_map(activations, weights)
    # Cancelling terms: the error is measured against what was summed, not the sum.
    summed = np.einsum("nk,nkhw->nhw", np.abs(weights), np.abs(activations)).max(axis=(1, 2))
    error = np.abs(batch.predicted_maps[:, 0].double().numpy() - expected).max(axis=(1, 2))
    assert (error / summed).max() < TOLERANCE


@pytest.mark.parametrize("name", ["plain_cnn", "resnet18", "mobilenet_v2"])
def test_sum_of_contrast_is_the_margin_less_the_bias_difference(name: str) -> None:
    truth, batch = oracle(name), explain(name, "gradcam++", exact=False)
    bias = [m.bias for m in truth["model"].modules() if isinstance(m, torch.nn.Linear)][-1]
    rows = torch.arange(3)
    margin = batch.logits[rows, batch.predicted] - batch.logits[rows, batch.against]
    expected = margin - (bias[batch.predicted] - bias[batch.against])
    torch.testing.assert_close(batch.contrast.sum(dim=(1, 2)), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("exact", [False, True], ids=["fast", "exact"])
@pytest.mark.parametrize("name", ["plain_cnn", "resnet18"])
def test_cam_is_the_head_s_weights(name: str, exact: bool) -> None:
    truth, batch = oracle(name), explain(name, "cam", exact)
    linear = [m for m in truth["model"].modules() if isinstance(m, torch.nn.Linear)][-1]
    weights = linear.weight.detach().double().numpy()[truth["predicted"]]
    assert_close(batch.predicted_maps[:, 0], reference.class_map(truth["activations"], weights))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_closed_form_is_used_just_where_it_holds(name: str) -> None:
    model, layer, gap_linear = build(name)
    head = find_pooled_linear_head(model, layer, noise(2))
    assert (head is not None) == gap_linear


def test_cases_cover_what_they_claim() -> None:
    batch = explain("resnet18", "gradcam++", exact=False)
    labels = oracle("resnet18")["labels"]
    assert (labels[0] == batch.predicted[0]) and (labels[1] != batch.predicted[1])
    assert labels[2] == -1 and batch.logits.shape == (3, CLASSES)
