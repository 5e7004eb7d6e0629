"""The order of pixels: enlargement, ties, and what replaces a pixel."""

import numpy as np
import pytest
import torch

from cam_kernels.faithfulness.fills import FILLS
from cam_kernels.faithfulness.pixel_order import enlarge, pixel_ranks, ranks_of_rows
from tests.cam_kernels.faithfulness import slow


@pytest.mark.parametrize("grid, size", [((4, 3), (13, 11)), ((7, 7), (14, 21)), ((1, 1), (3, 5))])
def test_enlargement_equals_plain_loops(grid: tuple[int, int], size: tuple[int, int]) -> None:
    maps = torch.randn((2, *grid), generator=torch.Generator().manual_seed(1))
    for large, heatmap in zip(enlarge(maps, *size), maps, strict=True):
        expected = slow.enlarged(heatmap.double().numpy(), *size)
        np.testing.assert_allclose(large.numpy(), expected, atol=1e-6)


def test_ranks_equal_a_stable_sort() -> None:
    maps = torch.randn((3, 4, 3), generator=torch.Generator().manual_seed(2)).relu()
    for ranks, heatmap in zip(pixel_ranks(maps, 13, 11), maps, strict=True):
        expected = slow.order(heatmap.double().numpy(), 13, 11)
        assert [expected.index((i, j)) for i in range(13) for j in range(11)] == (
            ranks.flatten().tolist()
        )


@pytest.mark.parametrize("value", [0.0, 0.3, -0.7, 1e-38, 3e38])
def test_a_constant_map_is_in_reading_order(value: float) -> None:
    ranks = pixel_ranks(torch.full((1, 7, 5), value), 23, 17)
    assert ranks.flatten().tolist() == list(range(23 * 17))


def test_the_empty_part_of_a_map_is_in_reading_order() -> None:
    maps = torch.zeros((1, 4, 4))
    maps[0, 3, 3] = 0.1
    ranks = pixel_ranks(maps, 16, 16)[0]
    empty = ranks[enlarge(maps, 16, 16)[0] == 0]
    assert empty.tolist() == sorted(empty.tolist())


def test_rows_take_the_ranks_of_their_image() -> None:
    maps = torch.randn((4, 3, 3), generator=torch.Generator().manual_seed(3))
    of = torch.tensor([2, 2, 0, 3, 3, 3])
    assert torch.equal(ranks_of_rows(maps, of, 6, 6), pixel_ranks(maps, 6, 6)[of])


@pytest.mark.parametrize("name", ["blur", "mean"])
@pytest.mark.parametrize("size", [(13, 11), (3, 20)])
def test_fills_equal_plain_loops(name: str, size: tuple[int, int]) -> None:
    images = torch.randn((2, 3, *size), dtype=torch.float64)
    oracle = {"blur": slow.blurred, "mean": slow.mean_colour}[name]
    for filled, image in zip(FILLS[name](images), images, strict=True):
        np.testing.assert_allclose(filled.numpy(), oracle(image.numpy()), atol=1e-12)


def test_no_fill_changes_an_even_image() -> None:
    images = torch.full((1, 3, 8, 8), 0.7, dtype=torch.float64)
    for fill in FILLS.values():
        torch.testing.assert_close(fill(images), images)
