"""What the interventions keep, what they remove and what they put in its place."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tasks.interventions.feather import distance_from, kept, with_halo
from tasks.interventions.fills import (
    background_blurred,
    background_mean,
    object_inpainted,
    object_mean,
    on_background,
)
from tests.tasks import intervention_oracles as oracle
from tests.tasks.intervention_oracles import disc, noise

SIZES = st.tuples(st.integers(2, 13), st.integers(2, 13))
MASKS = SIZES.flatmap(lambda size: arrays.arrays(np.bool_, size)).filter(
    lambda mask: mask.any() and not mask.all()
)
REMOVALS = [object_inpainted, object_mean]
COLOUR = (120.0, 60.5, 7.0)


@settings(max_examples=40, deadline=None)
@given(MASKS)
def test_distances_and_halo_of_any_mask(mask: np.ndarray) -> None:
    np.testing.assert_allclose(distance_from(mask), oracle.distances(mask), atol=1e-5)
    np.testing.assert_array_equal(with_halo(mask), oracle.halo(mask))


def test_halo_of_a_large_view_is_two_pixels_of_224() -> None:
    mask = np.zeros((448, 448), dtype=bool)
    mask[100, 100] = True
    y, x = np.mgrid[-100:348, -100:348]
    np.testing.assert_array_equal(with_halo(mask), y**2 + x**2 <= 16)


@settings(max_examples=40, deadline=None)
@given(MASKS)
def test_mean_and_donor_backgrounds_of_any_mask(mask: np.ndarray) -> None:
    pixels, donor = noise(mask.shape), noise(mask.shape, 1)
    plain = np.broadcast_to(COLOUR, pixels.shape)
    expected = oracle.mixed(pixels, mask, plain, 3)
    assert np.abs(background_mean(pixels, mask, COLOUR) - expected).max() <= 0.501
    expected = oracle.mixed(pixels, mask, donor, 3)
    on_donor = on_background(pixels, mask, donor)
    assert np.abs(on_donor - expected).max() <= 0.501
    np.testing.assert_array_equal(on_donor[~mask], donor[~mask])
    deep = oracle.distances(~mask) >= 1.5
    np.testing.assert_array_equal(on_donor[deep], pixels[deep])


def test_the_edge_scales_with_the_view() -> None:
    mask = np.zeros((448, 448), dtype=bool)
    mask[:, 200:] = True
    edge = kept(np.full((448, 448, 3), 240, np.uint8), mask, np.zeros((448, 448, 3), np.uint8))
    np.testing.assert_array_equal(edge[7, 198:208, 1], [0, 0, 40, 80, 120, 160, 200, 240, 240, 240])


@pytest.mark.parametrize("side", [20, 41, 64])
def test_blur_is_a_normalised_convolution(side: int) -> None:
    pixels, mask = noise((side, side)), disc(side, side * 0.4, side * 0.7, side * 0.2)
    blurred = oracle.normalised_blur(pixels, ~oracle.halo(mask), 0.1 * side)
    expected = oracle.mixed(pixels, mask, blurred, 3)
    assert np.abs(background_blurred(pixels, mask) - expected).max() <= 0.51


def test_blur_of_a_large_view_is_the_same_at_a_coarser_grid() -> None:
    coarse = noise((16, 16)).repeat(16, axis=0).repeat(16, axis=1)
    mask = disc(256, 90, 170, 40)
    blurred = oracle.normalised_blur(coarse, ~with_halo(mask), 25.6)
    outside = ~mask
    difference = background_blurred(coarse, mask)[outside] - blurred[outside]
    assert np.abs(difference).max() < 3 and np.abs(difference).mean() < 0.6


def test_blur_removes_texture_and_keeps_the_layout() -> None:
    board = np.indices((224, 224)).sum(axis=0) // 8 % 2 * 255
    pixels = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    pixels[:, :40] = (200, 0, 0)
    mask = disc(224, 112, 130, 40)
    changed = background_blurred(pixels, mask).astype(float)
    far = ~mask & (np.arange(224) > 120)
    assert pixels[far].std() > 120 and changed[far].std() < 12
    assert changed[112, 2, 0] > changed[112, 2, 1] + 90


@settings(max_examples=40, deadline=None)
@given(MASKS, st.sampled_from(REMOVALS))
def test_nothing_of_a_removed_object_is_left(mask: np.ndarray, remove: Callable) -> None:
    """Whatever the object looked like, the result is the same to the last bit."""
    pixels, other = noise(mask.shape), noise(mask.shape, 5)
    repainted = np.where(mask[..., None], other, pixels)
    np.testing.assert_array_equal(remove(pixels, mask), remove(repainted, mask))


@settings(max_examples=40, deadline=None)
@given(MASKS)
def test_nothing_of_the_object_is_smeared_over_the_blurred_background(mask: np.ndarray) -> None:
    pixels, other = noise(mask.shape), noise(mask.shape, 5)
    repainted = np.where(mask[..., None], other, pixels)
    changed = [background_blurred(p, mask)[~mask] for p in (pixels, repainted)]
    np.testing.assert_array_equal(*changed)


@pytest.mark.parametrize("remove", REMOVALS)
@pytest.mark.parametrize("side", [23, 96, 131, 224])
def test_background_away_from_a_removed_object_stays_bit_for_bit(
    remove: Callable, side: int
) -> None:
    pixels, mask = noise((side, side)), disc(side, side * 0.95, side * 0.1, side * 0.25)
    changed = remove(pixels, mask)
    far = distance_from(mask) > 3 + 10 * side / 224
    assert far.any()
    np.testing.assert_array_equal(changed[far], pixels[far])


@pytest.mark.parametrize("side", [17, 96, 224])
def test_an_object_on_a_plain_wall_vanishes(side: int) -> None:
    mask = disc(side, side * 0.5, side * 0.3, side * 0.2)
    wall = np.empty((side, side, 3), np.uint8)
    wall[:] = (30, 140, 250)
    pixels = np.where(mask[..., None], noise((side, side)), wall).astype(np.uint8)
    for remove in REMOVALS:
        np.testing.assert_array_equal(remove(pixels, mask), wall)


def test_inpainting_continues_a_gradient() -> None:
    ramp = np.linspace(20, 230, 224)
    pixels = np.repeat(np.tile(ramp[:, None], (1, 224))[..., None], 3, axis=2).astype(np.uint8)
    mask = disc(224, 110, 120, 40)
    spoilt = np.where(mask[..., None], 255, pixels).astype(np.uint8)
    changed = object_inpainted(spoilt, mask).astype(float)
    assert np.abs(changed[mask] - pixels[mask]).mean() < 8
    wall = object_mean(spoilt, mask).astype(float)
    assert np.abs(wall[mask] - pixels[mask]).mean() > 15


@settings(max_examples=40, deadline=None)
@given(MASKS)
def test_the_patch_has_the_mean_colour_of_its_surroundings(mask: np.ndarray) -> None:
    pixels, gone = noise(mask.shape), oracle.halo(mask)
    distance = oracle.distances(gone)
    reach = max(2.0, min(mask.shape) / 8)
    around = [pixels[r, c] for r, c in np.ndindex(*mask.shape) if 0 < distance[r, c] <= reach]
    patch = np.broadcast_to(np.mean(around, axis=0, dtype=float), pixels.shape)
    expected = oracle.mixed(pixels, ~gone, patch, 8)
    assert np.abs(object_mean(pixels, mask) - expected).max() <= 0.501


def test_one_pixel_of_background_is_enough() -> None:
    mask = np.ones((224, 224), dtype=bool)
    mask[223, 0] = False
    pixels = noise((224, 224))
    for remove in REMOVALS:
        np.testing.assert_array_equal(remove(pixels, mask)[0, 0], pixels[223, 0])
    assert (background_blurred(pixels, mask)[:200, 50:] == pixels[:200, 50:]).all()
