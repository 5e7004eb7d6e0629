"""Eigen-CAM against numpy's singular value decomposition, on both shapes of the matrix."""

import numpy as np
import pytest
import torch

from cam_kernels.methods.eigen import eigen_gradcam_map, eigencam_map
from tests.cam_kernels.restatements import eigen as slow


@pytest.mark.parametrize("shape", [(3, 40, 3, 4), (3, 5, 6, 7), (1, 12, 3, 4), (2, 1, 3, 3)])
@pytest.mark.parametrize("scale", [1e-15, 1.0, 1e15])
def test_more_channels_than_positions_and_fewer(shape: tuple[int, ...], scale: float) -> None:
    values = scale * torch.randn(shape, generator=torch.Generator().manual_seed(2))
    expected = slow.eigencam_map(values.double().numpy())
    actual = eigencam_map(values)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())
    gradients = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    products = values.double().numpy() * gradients.double().numpy()
    expected = slow.eigencam_map(products)
    actual = eigen_gradcam_map(values, gradients)
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_one_pattern_is_given_back_with_its_size() -> None:
    """Channels that are multiples of one pattern: the map is the pattern times their length."""
    pattern = torch.tensor([[1.0, 0.0, 2.0], [0.5, 4.0, 3.0]])
    multiples = torch.tensor([3.0, 0.0, 4.0])
    values = (multiples[:, None, None] * pattern)[None]
    torch.testing.assert_close(eigencam_map(values)[0], 5 * pattern)


def test_the_sign_is_that_of_the_sum_of_the_channels() -> None:
    generator = torch.Generator().manual_seed(4)
    values = torch.randn((4, 6, 3, 3), generator=generator).relu()
    assert (eigencam_map(values) >= -1e-6).all()
    torch.testing.assert_close(eigencam_map(-values), -eigencam_map(values))


def test_a_sum_of_zero_still_gives_one_sign() -> None:
    values = torch.tensor([[[[1.0, -3.0]], [[-1.0, 3.0]]]])
    expected = torch.tensor([[[-1.0, 3.0]]]) * 2**0.5
    torch.testing.assert_close(eigencam_map(values), expected)
    torch.testing.assert_close(eigencam_map(-values), expected)
