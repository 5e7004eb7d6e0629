"""Transformers and ConvNeXt: the layer to explain, closed forms, and maps against float64."""

import copy
from functools import partial

import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from cam_kernels.explainer import Explainer
from cam_kernels.first_pass import FirstPass
from cam_kernels.head import find_pooled_linear_head
from cam_kernels.layers.default_layer import default_target_layer
from cam_kernels.layers.receptive_field import receptive_field
from cam_kernels.layers.target_layer import layer_layout, spatial_layers
from cam_kernels.methods.shapley import rest_scores
from cam_kernels.targets import ClassScore
from tests import reference
from tests.cam_kernels.test_first_pass_values import assert_close
from tests.cam_kernels.transformers import NETWORKS, Known, build_known, pictures

TOKENS = [name for name, known in NETWORKS.items() if known.kind == "tokens"]


def as_grid(values: np.ndarray, known: Known) -> np.ndarray:
    """(N, K, H, W) by what is known of the network, in plain numpy."""
    if known.kind == "channels_first":
        return values
    if known.kind == "channels_last":
        return np.moveaxis(values, -1, 1)
    cells = values[:, known.prefix :]
    return np.moveaxis(cells.reshape(len(cells), *known.grid, -1), -1, 1)


def default_of(model: nn.Module, images: Tensor) -> str:
    layers, classes = spatial_layers(model, images)
    return default_target_layer(layers, classes, model, images)


@pytest.mark.parametrize("caller", [torch.enable_grad, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("name", NETWORKS)
def test_default_layer_and_its_layout(name: str, caller: type) -> None:
    model, known = build_known(name)
    model.requires_grad_(caller is torch.enable_grad)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with caller():
        images = pictures(known.size)
        assert default_of(model, images) == known.default
        layout = layer_layout(model, known.default, images)
    assert layout is not None and (layout.kind, layout.prefix) == (known.kind, known.prefix)
    assert (layout.rows, layout.cols) == known.grid
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_later_blocks_and_norms_have_no_gradient_at_their_cells(name: str) -> None:
    """By plain autograd in float64: none after the default layer, some at it."""
    model, known = build_known(name)
    images = pictures(known.size)
    names = [layer.name for layer in spatial_layers(model, images)[0]]
    later = [
        layer for layer in names[names.index(known.default) + 1 :]
        if isinstance(model.get_submodule(layer), nn.LayerNorm)
        or layer.rpartition(".")[2].isdigit()
    ]  # fmt: skip
    for layer in (known.default, *later):
        _, gradient = reference.activations_and_gradients(model, layer, images, [0, 1])
        assert as_grid(gradient, known).any() == (layer == known.default), layer


def test_an_untrained_head_of_zeros_has_the_default_of_a_trained_one() -> None:
    model, known = build_known("torchvision vit")
    nn.init.zeros_(model.heads.head.weight)
    nn.init.zeros_(model.heads.head.bias)
    assert default_of(model, pictures(known.size)) == known.default
    assert not model.heads.head.weight.any()


def test_as_many_channels_as_classes_is_no_map_of_classes_among_tokens() -> None:
    model, known = build_known("deit")
    model.head = nn.Linear(48, 48)
    assert default_of(model, pictures(known.size)) == known.default


@pytest.mark.parametrize("name", NETWORKS)
def test_the_closed_form_is_used_just_where_it_holds(name: str) -> None:
    model, known = build_known(name)
    head = find_pooled_linear_head(model, known.default, pictures(known.size))
    assert (head is not None) == known.gap_linear


@pytest.mark.parametrize("exact", [False, True], ids=["fast", "exact"])
@pytest.mark.parametrize("name", NETWORKS)
def test_first_pass_equals_a_restatement_with_a_grid_by_hand(name: str, exact: bool) -> None:
    model, known = build_known(name)
    images = pictures(known.size, 3)
    logits = reference.logits_of(model, images)
    order = np.argsort(-logits, axis=1)
    raw = [
        reference.activations_and_gradients(model, known.default, images, order[:, place])
        for place in (0, 1)
    ]
    activations = as_grid(raw[0][0], known)
    first, second = (as_grid(gradient, known) for _, gradient in raw)
    example = pictures(known.size, seed=9)
    batch = FirstPass(model, known.default, ["gradcam"], example, exact=exact)(
        images, torch.full((3,), -1)
    )
    assert_close(batch.logits, logits)
    for actual, gradient in (
        (batch.predicted_maps[:, 0], first),
        (batch.against_maps[:, 0], second),
    ):
        weights = reference.gradcam_weights(gradient)
        # Cancelling terms: the error is measured against what was summed, not the sum.
        summed = np.einsum("nk,nkhw->nhw", np.abs(weights), np.abs(activations)).max()
        error = np.abs(actual.double().numpy() - reference.class_map(activations, weights))
        assert error.max() < 1e-5 * summed
    assert_close(batch.contrast, reference.contrast_map(activations, first, second))
    flat = activations.reshape(*activations.shape[:2], -1)
    assert_close(batch.unit_max, flat.max(axis=2))
    at_position = np.take_along_axis(flat, batch.unit_position.numpy()[..., None], axis=2)
    assert_close(batch.unit_max, at_position[..., 0])


@pytest.mark.parametrize("name", NETWORKS)
def test_gradcam_equals_pytorch_grad_cam_s_with_its_reshape_transform(name: str) -> None:
    model, known = build_known(name)
    images = pictures(known.size, 3)
    batch = FirstPass(model, known.default, ["gradcam"], images)(images, torch.full((3,), -1))

    def reshape_transform(tensor: Tensor) -> Tensor:
        return torch.from_numpy(as_grid(tensor.detach().numpy(), known))

    targets = [ClassifierOutputTarget(c) for c in batch.predicted.tolist()]
    layers = [model.get_submodule(known.default)]
    with GradCAM(model, layers, reshape_transform=reshape_transform) as cam:
        cam(input_tensor=images, targets=targets)
        seen = cam.activations_and_grads
        arrays = seen.activations[0].numpy(), seen.gradients[0].numpy()
        summed = cam.get_cam_image(images, None, targets, *arrays)
    largest = np.abs(summed).max()
    np.testing.assert_allclose(
        batch.predicted_maps[:, 0], np.maximum(summed, 0), rtol=2e-4, atol=2e-5 * largest
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_no_smaller_field_than_the_whole_image_is_claimed(name: str) -> None:
    model, known = build_known(name)
    assert receptive_field(model, known.default) is None


def test_tokens_of_images_of_another_size() -> None:
    model, known = build_known("vit, not square")
    first_pass = FirstPass(model, known.default, ["gradcam"], pictures(known.size))
    first_pass.explainer.model.patch_embed.strict_img_size = False
    first_pass.explainer.model.pos_embed = nn.Parameter(torch.zeros(1, 17, 48))
    with pytest.raises(ValueError, match=r"\(2, 17, 48\); expected \(N, 25, 48\), which is 1"):
        first_pass(pictures((64, 64)), torch.tensor([-1, -1]))


def test_a_layer_whose_output_is_a_tuple() -> None:
    model, known = build_known("torchvision vit")
    layer = "encoder.layers.encoder_layer_0.self_attention"
    for call in (
        lambda: FirstPass(model, layer, ["gradcam"], pictures(known.size)),
        lambda: find_pooled_linear_head(copy.deepcopy(model), layer, pictures(known.size)),
    ):
        with pytest.raises(ValueError, match="puts out a tuple, which is no grid; expected"):
            call()


@pytest.mark.parametrize("name", ["torchvision vit", "vit with registers"])
def test_curvature_behind_fused_attention(name: str) -> None:
    """Against central differences of the float64 gradient along the patch tokens."""
    model, known = build_known(name)
    images, class_idx = pictures(known.size), torch.tensor([1, 3])
    exact = copy.deepcopy(model).double()

    def gradient_at(factor: float) -> Tensor:
        kept: list[Tensor] = []

        def scaled(_module: nn.Module, _inputs: object, tokens: Tensor) -> Tensor:
            patches = tokens[:, known.prefix :].detach() * factor
            kept.append(patches.requires_grad_())
            return torch.cat([tokens[:, : known.prefix], kept[0]], dim=1)

        handle = exact.get_submodule(known.default).register_forward_hook(scaled)
        scores = rest_scores(exact(images.double()), class_idx)
        handle.remove()
        return torch.autograd.grad(scores.sum(), kept[0])[0]

    step = 1e-5
    expected = (gradient_at(1 + step) - gradient_at(1 - step)) / (2 * step)
    expected = expected.mT.unflatten(2, known.grid)
    forward = Explainer(model, known.default, images).forward(images)
    (evidence,) = forward.layers.values()
    actual = evidence.curvature(partial(rest_scores, class_idx=class_idx)).double()
    scale = expected.abs().max()
    torch.testing.assert_close(actual / scale, expected / scale, rtol=0, atol=1e-4)
    assert forward.map("shapleycam", ClassScore(class_idx)).isfinite().all()
