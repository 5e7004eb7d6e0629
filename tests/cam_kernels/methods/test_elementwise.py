"""XGrad-CAM and the element-wise methods by hand, and what all map methods have in common."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from cam_kernels.methods.channel_weights import (
    cam_weights,
    gradcam_pp_epsilon_weights,
    gradcam_pp_official_weights,
    gradcam_pp_weights,
    gradcam_weights,
    xgradcam_weights,
)
from cam_kernels.methods.eigen import eigen_gradcam_map, eigencam_map
from cam_kernels.methods.elementwise import elementwise_gradcam_map, hirescam_map, layercam_map
from cam_kernels.methods.weighted_sum import heatmap
from tests import reference
from tests.cam_kernels.restatements import eigen as slow_eigen
from tests.cam_kernels.restatements import elementwise as slow
from tests.reference import Floats

MapMethod = Callable[[Tensor, Tensor], Tensor]


def _weighted(weights: MapMethod) -> MapMethod:
    return lambda activations, gradients: heatmap(activations, weights(activations, gradients))


def _restated(weights: Callable[[Floats, Floats], Floats]) -> Callable[[Floats, Floats], Floats]:
    return lambda a, g: reference.class_map(a, weights(a, g))


MAPS: dict[str, tuple[MapMethod, Callable[[Floats, Floats], Floats]]] = {
    "gradcam": (_weighted(gradcam_weights), _restated(lambda _, g: reference.gradcam_weights(g))),
    "cam": (_weighted(cam_weights), _restated(lambda _, g: g.sum(axis=(2, 3)))),
    "gradcam++": (_weighted(gradcam_pp_weights), _restated(reference.gradcam_pp_weights)),
    "gradcam++-official": (
        _weighted(gradcam_pp_official_weights),
        _restated(lambda a, g: reference.gradcam_pp_official_weights(a, g, [0.0] * len(a))),
    ),
    "gradcam++-epsilon": (
        _weighted(gradcam_pp_epsilon_weights), _restated(slow.gradcam_pp_epsilon_weights),
    ),
    "xgradcam": (_weighted(xgradcam_weights), _restated(slow.xgradcam_weights)),
    "hirescam": (hirescam_map, slow.hirescam_map),
    "layercam": (layercam_map, slow.layercam_map),
    "elementwise-gradcam": (elementwise_gradcam_map, slow.elementwise_gradcam_map),
    "eigencam": (lambda a, _g: eigencam_map(a), lambda a, _g: slow_eigen.eigencam_map(a)),
    "eigen-gradcam": (eigen_gradcam_map, lambda a, g: slow_eigen.eigencam_map(a * g)),
}  # fmt: skip


def example() -> tuple[Tensor, Tensor]:
    """Activations >= 0 with a dead channel, gradients of both signs with exact zeros."""
    generator = torch.Generator().manual_seed(5)
    activations = torch.randn((3, 6, 4, 3), generator=generator).relu()
    gradients = 0.3 * torch.randn((3, 6, 4, 3), generator=generator) + 0.1
    activations[:, 1], gradients[:, 2], gradients[0, 3, :2] = 0, 0, 0
    return activations, gradients


@pytest.mark.parametrize("method", MAPS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_half_precision_loses_only_what_its_inputs_have_lost(
    method: str, dtype: torch.dtype
) -> None:
    ours, restated = MAPS[method]
    activations, gradients = (tensor.to(dtype) for tensor in example())
    maps = ours(activations, gradients)
    assert maps.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    expected = restated(activations.double().numpy(), gradients.double().numpy())
    np.testing.assert_allclose(maps, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("method", MAPS)
def test_a_gradient_of_one_cell_stands_for_every_cell(method: str) -> None:
    ours, restated = MAPS[method]
    activations, gradients = example()
    gradients = gradients[:, :, :1, :1]
    expanded = gradients.expand_as(activations).double().numpy()
    expected = restated(activations.double().numpy(), expanded)
    actual = ours(activations, gradients)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("method", MAPS)
def test_neighbours_in_the_batch_do_not_matter(method: str) -> None:
    ours, _ = MAPS[method]
    activations, gradients = example()
    batch = ours(activations, gradients)
    for n in range(3):
        alone = ours(activations[n : n + 1], gradients[n : n + 1])
        torch.testing.assert_close(alone[0], batch[n], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("method", MAPS)
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_nan_stays_and_what_is_not_finite_stays_alone(method: str, value: float) -> None:
    ours, _ = MAPS[method]
    activations, gradients = example()
    expected = ours(activations, gradients)
    activations[1, 0, 2, 2] = value
    maps = ours(activations, gradients)
    # Infinite evidence against the class is no evidence for it: 0, behind a ReLU.
    assert value == torch.inf or maps[1].isnan().any()
    torch.testing.assert_close(maps[[0, 2]], expected[[0, 2]], rtol=0, atol=0)


@pytest.mark.parametrize("method", MAPS)
def test_no_activation_no_evidence(method: str) -> None:
    maps = MAPS[method][0](torch.zeros((2, 3, 4, 5)), torch.randn((2, 3, 4, 5)))
    assert maps.tolist() == torch.zeros((2, 4, 5)).tolist()


def test_xgradcam_by_hand() -> None:
    activations = torch.tensor([[[[1.0, 3.0]], [[2.0, -2.0]], [[0.0, 0.0]]]])
    gradients = torch.tensor([[[[2.0, -2.0]], [[5.0, 1.0]], [[7.0, 7.0]]]])
    # (1 * 2 - 3 * 2) / 4; then two channels that add up to 0.
    assert xgradcam_weights(activations, gradients).tolist() == [[-1.0, 0.0, 0.0]]


def test_elementwise_maps_by_hand() -> None:
    activations = torch.tensor([[[[1.0, -1.0]], [[3.0, 2.0]]]])
    gradients = torch.tensor([[[[2.0, -4.0]], [[-1.0, 0.5]]]])
    assert hirescam_map(activations, gradients).tolist() == [[[-1.0, 5.0]]]
    assert layercam_map(activations, gradients).tolist() == [[[2.0, 1.0]]]
    assert elementwise_gradcam_map(activations, gradients).tolist() == [[[2.0, 5.0]]]
