"""The random moves against their definitions."""

import math

import pytest
import torch

from cam_kernels.synthesis.random_views import jitter, turn_and_zoom


def test_jitter_uses_every_offset_alike() -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.zeros((2, 1, 9, 9))
    image[:, :, 4, 4] = 1
    draws, seen = 5000, {}
    for _ in range(draws):
        moved = jitter(image, 2, generator)
        assert torch.equal(moved[0], moved[1])
        (position,) = moved[0, 0].nonzero().tolist()
        offset = position[0] - 4, position[1] - 4
        seen[offset] = seen.get(offset, 0) + 1
    assert set(seen) == {(y, x) for y in range(-2, 3) for x in range(-2, 3)}
    expected = draws / 25
    # 24 degrees of freedom: a chi-square above 60 has a probability of 6e-5.
    assert sum((n - expected) ** 2 / expected for n in seen.values()) < 60


def test_jitter_wraps_around_the_edges() -> None:
    image = torch.arange(12.0).view(1, 1, 3, 4)
    moved = jitter(image, 5, torch.Generator().manual_seed(3))
    assert sorted(moved.flatten().tolist()) == sorted(image.flatten().tolist())


def bilinear(plane: list[list[float]], y: float, x: float) -> float:
    size = len(plane)

    def mirrored(i: int) -> int:
        while not 0 <= i < size:
            i = -1 - i if i < 0 else 2 * size - 1 - i
        return i

    top, left = math.floor(y), math.floor(x)
    total = 0.0
    for row, weight_y in ((top, 1 - (y - top)), (top + 1, y - top)):
        for col, weight_x in ((left, 1 - (x - left)), (left + 1, x - left)):
            total += weight_y * weight_x * plane[mirrored(row)][mirrored(col)]
    return total


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_turn_and_zoom(seed: int) -> None:
    size, degrees, zoom = 8, 25.0, 0.3
    images = torch.rand((2, 3, size, size), generator=torch.Generator().manual_seed(9))
    moved = turn_and_zoom(images, degrees, zoom, torch.Generator().manual_seed(seed))
    first, second = torch.rand(2, generator=torch.Generator().manual_seed(seed)).tolist()
    angle = math.radians(degrees * (2 * first - 1))
    factor = 1 + zoom * (2 * second - 1)
    middle = (size - 1) / 2
    plane = images[1, 2].tolist()
    for row in range(size):
        for col in range(size):
            y, x = (row - middle) / factor, (col - middle) / factor
            source_x = middle + math.cos(angle) * x - math.sin(angle) * y
            source_y = middle + math.sin(angle) * x + math.cos(angle) * y
            expected = bilinear(plane, source_y, source_x)
            assert moved[1, 2, row, col].item() == pytest.approx(expected, abs=1e-5)


def test_without_angle_and_zoom_nothing_moves() -> None:
    images = torch.rand((1, 3, 8, 8), generator=torch.Generator().manual_seed(9))
    still = turn_and_zoom(images, 0, 0, torch.Generator())
    torch.testing.assert_close(still, images)
