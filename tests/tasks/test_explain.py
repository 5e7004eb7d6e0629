"""The views of single images, against slow restatements and other libraries."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from tasks.views.explain import count_steps, explain
from tasks.views.explain_plan import plan_explain
from tasks.views.explanation import Explanation, state_of
from tests import reference
from tests.tasks.tiny_explain import (
    MEAN,
    STD,
    input_of,
    model_of,
    pixels_of,
    request,
    write_world,
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def found(world: Path) -> Explanation:
    asked = request(world, "a/1.png", "b/1.png", classes=("dog",), feature_layers=("conv1",))
    return explain(plan_explain(asked), "cpu")


def test_probabilities_are_the_softmax_of_the_model(world: Path, found: Explanation) -> None:
    for image, name in zip(found.images, ("a", "b"), strict=True):
        logits = reference.logits_of(model_of(world), input_of(world / name / "1.png"))[0]
        exps = [math.exp(value) for value in logits]
        order = sorted(range(7), key=lambda c: -logits[c])
        top = [of.class_idx for of in image.top]
        assert top[:5] == order[:5]
        assert top[5:] == ([] if 4 in order[:5] else [4])
        for of in image.top:
            assert of.probability == pytest.approx(exps[of.class_idx] / sum(exps), abs=1e-6)
            assert of.logit == pytest.approx(logits[of.class_idx], abs=1e-5)
            assert of.rank == order.index(of.class_idx) + 1


def test_view_is_what_the_model_saw(world: Path, found: Explanation) -> None:
    for image, name in zip(found.images, ("a", "b"), strict=True):
        np.testing.assert_array_equal(image.view, pixels_of(world / name / "1.png"))
        assert (image.name, image.uri) == ("1.png", str(world / name / "1.png"))


def test_top_maps_are_those_of_their_classes(world: Path, found: Explanation) -> None:
    images, model = input_of(world / "b/1.png"), model_of(world)
    for of, heatmap in zip(found.images[1].top, found.images[1].top_maps, strict=True):
        activations, gradients = reference.activations_and_gradients(
            model, "relu", images, [of.class_idx]
        )
        weights = reference.gradcam_pp_weights(activations, gradients)
        expected = reference.class_map(activations, weights)[0]
        np.testing.assert_allclose(heatmap.values, expected, rtol=1e-4, atol=1e-6)


def test_maps_of_the_class_asked_for(world: Path, found: Explanation) -> None:
    views = found.images[0].classes[-1]
    activations, gradients = reference.activations_and_gradients(
        model_of(world), "relu", input_of(world / "a/1.png"), [4]
    )
    weights = reference.gradcam_weights(gradients)
    (drawn,) = [each.values for each in views.methods if each.method == "gradcam"]
    assert (views.of.class_idx, views.of.name) == (4, "dog")
    expected = reference.class_map(activations, weights)[0]
    np.testing.assert_allclose(drawn, expected, rtol=1e-4, atol=1e-6)


def test_vanilla_gradient_is_the_models(world: Path, found: Explanation) -> None:
    images = input_of(world / "a/1.png").double().requires_grad_()
    predicted = found.images[0].classes[0]
    model_of(world).double()(images)[0, predicted.of.class_idx].backward()
    gradient = predicted.pixels[0]
    assert gradient.title == "Vanilla gradient"
    np.testing.assert_allclose(gradient.values, images.grad[0].numpy(), rtol=1e-3, atol=1e-6)


def test_deconvnet_starts_from_the_strongest_unit(world: Path, found: Explanation) -> None:
    activations, _ = reference.activations_and_gradients(
        model_of(world), "relu", input_of(world / "a/1.png"), [0]
    )
    strongest = max(range(10), key=lambda unit: activations[0, unit].max())
    predicted = found.images[0].classes[0].pixels[-1]
    assert predicted.title == "Deconvnet"
    assert predicted.start == f"unit {strongest} of relu, the strongest"
    assert "Deconvnet" not in [view.title for view in found.images[0].classes[-1].pixels[1:]]


def test_units_come_strongest_first(world: Path, found: Explanation) -> None:
    with torch.no_grad():
        expected = model_of(world).double().conv1(input_of(world / "a/1.png").double())[0].numpy()
    (maps,) = found.images[0].features
    peaks = [float(np.abs(expected[unit]).max()) for unit in range(6)]
    assert list(maps.units) == sorted(range(6), key=lambda unit: -peaks[unit])
    for shown, unit in zip(maps.maps, maps.units, strict=True):
        np.testing.assert_allclose(shown, expected[unit], rtol=1e-4, atol=1e-5)


def test_kernels_come_strongest_first(world: Path, found: Explanation) -> None:
    first, second = found.kernels
    weights = model_of(world).conv2.weight.detach().double().numpy()
    units = sorted(range(10), key=lambda unit: -(weights[unit] ** 2).sum())
    channels = sorted(range(6), key=lambda channel: -(weights[:, channel] ** 2).sum())
    assert (list(second.units), list(second.channels)) == (units, channels)
    np.testing.assert_array_equal(second.weights, weights[np.ix_(units, channels)])
    assert first.channels == (0, 1, 2)  # red, green, blue


def test_correlations_are_scipys(found: Explanation) -> None:
    compared = 0
    for row in (row for image in found.images for row in image.sanity):
        trained = row.views[0].values
        assert [view.layer for view in row.views] == ["", "head", "conv2", "conv1"]
        for view in row.views[1:]:
            one, other = trained.ravel(), view.values.ravel()
            if row.absolute:
                one, other = np.abs(one), np.abs(other)
            if np.ptp(one) == 0 or np.ptp(other) == 0:
                assert math.isnan(view.correlation)
                continue
            expected = spearmanr(one, other).statistic
            assert view.correlation == pytest.approx(expected, abs=1e-9)
            compared += 1
    assert compared > 4


def test_sanity_cascade_leaves_what_lies_before(world: Path, found: Explanation) -> None:
    """With a new head alone the map is still made of the trained activations, and with a new
    convolution before them it no longer is: solved for the weights where the map is positive."""
    activations, _ = reference.activations_and_gradients(
        model_of(world), "relu", input_of(world / "a/1.png"), [0]
    )
    units = activations[0].reshape(10, -1).T

    def unexplained(values: np.ndarray) -> float:
        lit = values.ravel() > 0
        assert lit.sum() > 20
        weights = np.linalg.lstsq(units[lit], values.ravel()[lit], rcond=None)[0]
        return float(np.abs(units[lit] @ weights - values.ravel()[lit]).max() / values.max())

    rows = found.images[0].sanity
    assert [row.title for row in rows] == ["Grad-CAM++", "Guided backpropagation"]
    left = {view.layer: unexplained(view.values) for view in rows[0].views if view.values.any()}
    assert max(left[""], left["head"]) < 1e-4
    assert min(left["conv2"], left["conv1"]) > 1e-2


def test_concepts_share_the_activations(world: Path, found: Explanation) -> None:
    for image, name in zip(found.images, ("a", "b"), strict=True):
        activations, _ = reference.activations_and_gradients(
            model_of(world), "relu", input_of(world / name / "1.png"), [0]
        )
        concepts = image.concepts
        assert concepts is not None
        sums = [float(each.sum()) for each in concepts.maps]
        expected = [value / sum(sums) for value in sums]
        assert concepts.shares == pytest.approx(expected, abs=1e-5)
        assert 0.8 < concepts.restored <= 1  # five concepts of ten units
        # Unit-length concepts: at each position they cannot hold more than the activations do.
        lengths = np.sqrt((activations[0] ** 2).sum(axis=0))
        assert float(concepts.maps.max()) <= 1.2 * lengths.max()


def test_slow_methods_are_named_with_their_price(world: Path, found: Explanation) -> None:
    reasons = {each.title: each.reason for each in found.missing}
    assert set(reasons) == {"SS-CAM", "IS-CAM"}
    assert "9 forwards per live unit" in reasons["IS-CAM"]
    plan = plan_explain(request(world, slow=True))
    assert {"sscam", "iscam"} <= set(plan.methods)
    assert not {"gradcam++-official", "gradcam++-epsilon"} & set(plan.methods)


def test_cam_is_named_where_the_head_forbids_it(world: Path) -> None:
    plan = plan_explain(request(world, target_layer="conv1", sanity=False))
    (reason,) = [m.reason for m in explain(plan, "cpu").missing if m.title == "CAM"]
    assert "needs global pooling and one linear layer" in reason


def test_no_sanity_and_every_step_is_told(world: Path) -> None:
    told: list[str] = []
    plan = plan_explain(request(world, sanity=False, method="gradcam"))
    found = explain(plan, "cpu", told.append)
    assert found.images[0].sanity == ()
    assert len(told) == count_steps(plan)


def test_layers_are_fused(world: Path) -> None:
    plan = plan_explain(request(world, target_layer="relu, conv1", method="gradcam", sanity=False))
    heatmap = explain(plan, "cpu").images[0].top_maps[0]
    assert plan.target_layers == ("relu", "conv1")
    assert heatmap.values.shape == (16, 16)
    assert heatmap.values.max() <= 1


def test_views_that_cannot_be_had_are_named(world: Path) -> None:
    """An activation function could hide in a custom autograd function."""
    plan = plan_explain(request(world, build="opaque", method="gradcam"))
    found = explain(plan, "cpu")
    views = [view.title for view in found.images[0].classes[0].pixels]
    assert views == ["Vanilla gradient", "SmoothGrad", "Deconvnet"]  # the last starts before it
    reasons = {each.title: each.reason for each in found.missing}
    assert set(reasons) == {
        "Guided backpropagation", "Guided Grad-CAM", "Sanity check of Guided backpropagation",
    }  # fmt: skip
    assert "cannot be seen" in reasons["Guided backpropagation"]
    assert "needs guided backpropagation" in reasons["Guided Grad-CAM"]
    assert [row.title for row in found.images[0].sanity] == ["Grad-CAM"]


def test_a_frozen_program_of_fixed_batch(world: Path, found: Explanation) -> None:
    images = input_of(world / "a/1.png").expand(2, -1, -1, -1)
    program = torch.export.export(model_of(world), (images,))
    torch.export.save(program, world / "program.pt2")
    asked = request(
        world, model=str(world / "program.pt2"), resize=32, crop=32, mean=MEAN, std=STD,
        target_layer="relu", sanity=False, method="gradcam++,scorecam",
    )  # fmt: skip
    frozen = explain(plan_explain(asked), "cpu").images[0]
    for of, expected in zip(frozen.top, found.images[0].top, strict=False):
        assert of.class_idx == expected.class_idx
        assert of.probability == pytest.approx(expected.probability, abs=1e-6)
    (own, _), (expected, *_) = frozen.classes[0].methods, found.images[0].classes[0].methods
    np.testing.assert_allclose(own.values, expected.values, rtol=1e-4, atol=1e-6)
    one, other = frozen.classes[0].pixels[1], found.images[0].classes[0].pixels[1]
    assert one.title == "SmoothGrad"
    np.testing.assert_allclose(one.values, other.values, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ([[0, 0.5]], "ok"), ([[0, 0.0]], "empty"), ([[-1, 0.0]], "empty"),
        ([[0, np.nan]], "not_finite"), ([[np.inf, 1]], "not_finite"),
        ([[[-1, 0.0]]], "ok"), ([[[0, 0.0]]], "empty"),
    ],
)  # fmt: skip
def test_state_of_a_view(values: list, state: str) -> None:
    assert state_of(np.array(values, np.float32)) == state
