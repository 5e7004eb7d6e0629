"""Baseline maps, and that the grid's pointing numbers are those at image resolution."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from cam_kernels.faithfulness.baselines import centre_maps, random_maps
from cam_kernels.map_numbers import map_numbers
from tests.cam_kernels.faithfulness import slow


def test_a_random_map_depends_on_its_image_and_the_seed_alone() -> None:
    together = random_maps(torch.tensor([4, 9, 1]), 7, 5, seed=2)
    assert torch.equal(together[1:2], random_maps(torch.tensor([9]), 7, 5, seed=2))
    assert not torch.equal(together[0], together[1])
    for seed in (0, 1, 3):
        assert not torch.equal(together, random_maps(torch.tensor([4, 9, 1]), 7, 5, seed=seed))


def test_random_maps_are_uniform_within_and_across_images() -> None:
    maps = random_maps(torch.arange(2_000), 3, 4, seed=0)
    assert kstest(maps.flatten().numpy(), "uniform").pvalue > 0.01
    assert kstest(maps[:, 0, 0].numpy(), "uniform").pvalue > 0.01
    neighbours = np.corrcoef(maps[:-1].flatten().numpy(), maps[1:].flatten().numpy())[0, 1]
    assert abs(neighbours) < 0.03


def test_centre_map_by_hand() -> None:
    heatmap = centre_maps(2, 3, 5)
    for i in range(3):
        for j in range(5):
            y, x = (i + 0.5) / 3 - 0.5, (j + 0.5) / 5 - 0.5
            expected = math.exp(-(y * y + x * x) / (2 * 0.25**2))
            assert heatmap[1, i, j].item() == pytest.approx(expected, rel=1e-6)
    assert torch.equal(heatmap[0], heatmap[1])


def test_pointing_numbers_of_the_grid_are_those_of_the_image() -> None:
    """`map_numbers` works on the grid with the object's share of each cell. Drawn with square
    cells the energy on the object is the same to the last pixel; the bilinear drawing has its
    maximum at the centre of the largest cell, the pixel that is asked."""
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand((6, 5, 5), generator=generator)
    masks = torch.zeros((6, 35, 35), dtype=torch.bool)
    for n in range(6):
        masks[n, n : 12 + 3 * n, 2 * n : 20 + n] = True
    coverage = masks.float().view(6, 5, 7, 5, 7).mean(dim=(2, 4))
    numbers = map_numbers(maps, coverage, masks[:, 3::7, 3::7])
    for n in range(6):
        cells = maps[n].double().numpy()
        drawn = np.array([[cells[i // 7, j // 7] for j in range(35)] for i in range(35)])
        energy = drawn[masks[n].numpy()].sum() / drawn.sum()
        assert numbers.object_energy[n].item() == pytest.approx(energy)
        smooth = slow.enlarged(cells, 35, 35)
        row, col = np.unravel_index(cells.argmax(), cells.shape)
        peak = (7 * row + 3, 7 * col + 3)
        assert smooth[peak] == pytest.approx(smooth.max())
        assert numbers.pointing_hit[n].item() == float(masks[n][peak])
    assert 0 < numbers.pointing_hit.sum() < 6
