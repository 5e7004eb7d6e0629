"""The parametrisations against numpy and against their definitions."""

import math

import numpy as np
import pytest
import torch

from cam_kernels.synthesis.image_parametrisation import (
    FourierImages,
    PixelImages,
    correlate_colours,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def natural_scale(size: int, decay: float) -> np.ndarray:
    """1 / f^decay of each coefficient of the half spectrum, in plain loops, not normalised."""
    scale = np.zeros((size, size // 2 + 1))
    for row in range(size):
        for col in range(size // 2 + 1):
            down = (row if row <= (size - 1) // 2 else row - size) / size
            frequency = max(math.hypot(down, col / size), 1 / size)
            scale[row, col] = 1 / frequency**decay
    return scale


@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("decay", [0.0, 1.0, 1.5])
def test_planes_are_numpys_inverse_transform(size: int, decay: float) -> None:
    fourier = FourierImages(size, decay)
    parameters = fourier.draw(2, generator())
    values = parameters.double().numpy()
    spectrum = (values[..., 0] + 1j * values[..., 1]) * natural_scale(size, decay)
    expected = np.fft.irfft2(spectrum, s=(size, size))
    planes = fourier.planes(parameters).numpy()
    # The factor of the scale is free; the tests below hold it to the mean square.
    factor = planes.std() / expected.std()
    np.testing.assert_allclose(planes, factor * expected, atol=1e-5)


@pytest.mark.parametrize("size", [16, 17])
def test_spectrum_comes_back_from_the_planes(size: int) -> None:
    fourier = FourierImages(size)
    parameters = fourier.draw(1, generator())
    spectrum = np.fft.rfft2(fourier.planes(parameters).double().numpy(), norm="ortho")
    restored = spectrum / fourier.scale().double().numpy()
    # The outer columns hold conjugate pairs, of which the transform keeps a mean.
    inner = slice(1, (size + 1) // 2)
    given = torch.view_as_complex(parameters).numpy()
    np.testing.assert_allclose(restored[..., inner], given[..., inner], atol=1e-4)


@pytest.mark.parametrize("size", [16, 33])
def test_random_planes_have_a_mean_square_of_one(size: int) -> None:
    fourier = FourierImages(size)
    planes = fourier.planes(fourier.draw(1500, generator()))
    assert planes.square().mean().item() == pytest.approx(1, abs=0.03)


def test_colours_are_mixed_by_the_published_matrix() -> None:
    planes = torch.randn((2, 3, 4, 5), generator=generator(), dtype=torch.float64)
    root = [[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]]
    longest = max(math.sqrt(sum(row[c] ** 2 for row in root)) for c in range(3))
    mixed = correlate_colours(planes)
    for n in range(2):
        for y in range(4):
            for x in range(5):
                for channel in range(3):
                    expected = sum(
                        root[channel][c] / longest * planes[n, c, y, x].item() for c in range(3)
                    )
                    assert mixed[n, channel, y, x].item() == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("parametrisation", [FourierImages(16), PixelImages(16)])
def test_pictures_are_valid_rgb_and_zero_is_grey(
    parametrisation: FourierImages | PixelImages,
) -> None:
    parameters = parametrisation.draw(3, generator())
    pictures = parametrisation.images(50 * parameters)
    assert pictures.shape == (3, 3, 16, 16)
    assert pictures.min() >= 0 and pictures.max() <= 1
    torch.testing.assert_close(
        parametrisation.images(0 * parameters), torch.full((3, 3, 16, 16), 0.5)
    )
    assert torch.equal(parameters, parametrisation.draw(3, generator()))
