"""Pictures of feature maps and kernels: each square has the colour of its number."""

import cv2
import matplotlib
import numpy as np
import pytest

from reports.views.feature_grids import feature_grid
from reports.views.kernel_grids import colour_kernels, kernel_slices
from reports.views.tile_grids import TileGrid, encode_sharp

MAGENTA, WHITE = [255, 0, 255], [255, 255, 255]
RED, BLUE = [116, 6, 26], [8, 40, 110]  # the strongest of each sign


def colour_at(grid: TileGrid, row: int, column: int, place: tuple[int, int], cells) -> list[int]:
    """The colour of a cell of a tile, which must be one colour throughout and opaque."""
    height, width = grid.tile_height // cells[0], grid.tile_width // cells[1]
    top = row * (grid.tile_height + grid.gap) + place[0] * height
    left = column * (grid.tile_width + grid.gap) + place[1] * width
    square = grid.picture[top : top + height, left : left + width].reshape(-1, 4)
    assert (square == square[0]).all() and square[0, 3] == 255
    return square[0, :3].tolist()


def inferno(share: float) -> list[float]:
    return [255 * channel for channel in matplotlib.colormaps["inferno"](share)[:3]]


@pytest.mark.parametrize("common", [False, True])
def test_feature_maps_have_the_colours_of_their_values(common: bool) -> None:
    maps = np.abs(np.random.default_rng(0).normal(size=(7, 3, 4))).astype(np.float32)
    maps[2] *= 0.01
    maps[5] = 0
    grid = feature_grid(maps, common=common, columns=3)
    assert (grid.columns, grid.rows, grid.signed) == (3, 3, False)
    for unit, row, col in np.ndindex(7, 3, 4):
        limit = maps.max() if common else maps[unit].max()
        assert grid.limits[unit] == pytest.approx(limit)
        share = maps[unit, row, col] / limit if limit else 0.0
        found = colour_at(grid, unit // 3, unit % 3, (row, col), (3, 4))
        np.testing.assert_allclose(found, inferno(share), atol=4)
    assert (grid.picture[grid.tile_height : grid.tile_height + grid.gap] == 0).all()
    assert (grid.picture[-grid.tile_height :, grid.tile_width :, 3] == 0).all()  # two are missing


def test_one_value_below_zero_makes_every_tile_signed() -> None:
    maps = np.array([[[2.0, 0.0]], [[-4.0, 1.0]]], np.float32)
    own, common = (feature_grid(maps, common=common, columns=1) for common in (False, True))
    assert own.signed and own.limits.tolist() == [2.0, 4.0]
    assert colour_at(own, 0, 0, (0, 0), (1, 2)) == RED
    assert colour_at(own, 0, 0, (0, 1), (1, 2)) == WHITE
    assert colour_at(own, 1, 0, (0, 0), (1, 2)) == BLUE
    assert colour_at(own, 1, 0, (0, 1), (1, 2)) == [250, 170, 145]  # a quarter of the way
    assert colour_at(common, 0, 0, (0, 0), (1, 2)) == [236, 110, 84]  # half of it
    assert common.limits.tolist() == [4.0, 4.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_magenta_and_does_not_count(bad: float) -> None:
    maps = np.array([[[bad, 1.0, 0.5]], [[bad, bad, bad]]], np.float32)
    grid = feature_grid(maps, common=False, columns=1)
    assert grid.limits.tolist() == [1.0, 0.0] and not grid.signed
    assert colour_at(grid, 0, 0, (0, 0), (1, 3)) == MAGENTA
    np.testing.assert_allclose(colour_at(grid, 0, 0, (0, 1), (1, 3)), inferno(1.0), atol=4)
    assert colour_at(grid, 1, 0, (0, 2), (1, 3)) == MAGENTA
    weights = np.array([[[[bad]], [[1.0]], [[-1.0]]]], np.float32)
    assert colour_at(colour_kernels(weights, common=True), 0, 0, (0, 0), (1, 1)) == MAGENTA
    slices = kernel_slices(weights, common=True)
    found = [colour_at(slices, 0, column, (0, 0), (1, 1)) for column in range(3)]
    assert found == [MAGENTA, RED, BLUE]


@pytest.mark.parametrize("common", [False, True])
def test_colour_kernels_are_grey_at_zero_and_symmetric(common: bool) -> None:
    weights = np.random.default_rng(1).normal(size=(5, 3, 2, 3)).astype(np.float32)
    weights[1] *= 0.1
    weights[3] = 0
    weights[4, :, 0, 0] = 0
    grid = colour_kernels(weights, common=common, columns=2)
    opposite = colour_kernels(-weights, common=common, columns=2)
    for unit, row, col in np.ndindex(5, 2, 3):
        limit = np.abs(weights).max() if common else np.abs(weights[unit]).max()
        expected = 127.5 * (1 + weights[unit, :, row, col] / (limit or 1))
        place = unit // 2, unit % 2, (row, col), (2, 3)
        np.testing.assert_allclose(colour_at(grid, *place), expected, atol=1.001)
        mirrored = [255 - channel for channel in colour_at(grid, *place)]
        np.testing.assert_allclose(colour_at(opposite, *place), mirrored, atol=1)
    assert colour_at(grid, 2, 0, (0, 0), (2, 3)) == [128] * 3
    assert colour_at(grid, 1, 1, (1, 2), (2, 3)) == [128] * 3


def test_slices_have_a_row_per_unit_and_a_column_per_channel() -> None:
    weights = np.zeros((6, 9, 3, 3), np.float32)
    weights[2, 4, 1, 0] = 5.0
    weights[3, 0, 2, 2] = -0.5
    weights[3, 8, 0, 0] = 1.0  # beyond those drawn: it counts for the unit's scale
    own = kernel_slices(weights, common=False, units=4, channels=5)
    assert (own.rows, own.columns) == (4, 5)
    assert own.limits.reshape(4, 5)[:, 0].tolist() == [0.0, 0.0, 5.0, 1.0]
    assert colour_at(own, 2, 4, (1, 0), (3, 3)) == RED
    assert colour_at(own, 3, 0, (2, 2), (3, 3)) == [84, 148, 216]
    assert colour_at(own, 0, 0, (0, 0), (3, 3)) == WHITE
    common = kernel_slices(weights, common=True, units=4, channels=5)
    assert colour_at(common, 2, 4, (1, 0), (3, 3)) == RED
    found = colour_at(common, 3, 0, (2, 2), (3, 3))
    np.testing.assert_allclose(found, 255 - 0.4 * (255 - np.array([150, 195, 240])), atol=1)


def test_pointwise_kernels_are_a_matrix_and_depthwise_ones_a_grid() -> None:
    pointwise = np.diag([1.0, -1.0, 1.0]).astype(np.float32)[:, :, None, None]
    grid = kernel_slices(pointwise, common=True)
    assert (grid.rows, grid.columns, grid.gap) == (3, 3, 0)
    assert grid.picture.shape == (36, 36, 4)
    found = [[colour_at(grid, r, c, (0, 0), (1, 1)) for c in range(3)] for r in range(3)]
    assert found == [[RED, WHITE, WHITE], [WHITE, BLUE, WHITE], [WHITE, WHITE, RED]]
    depthwise = np.zeros((9, 1, 3, 3), np.float32)
    depthwise[5, 0, 0, 2] = 1.0
    grid = kernel_slices(depthwise, common=True)
    assert (grid.rows, grid.columns) == (3, 3)
    assert colour_at(grid, 1, 2, (0, 2), (3, 3)) == RED


def test_files_are_lossless_and_the_same_each_time() -> None:
    weights = np.random.default_rng(2).normal(size=(12, 3, 7, 7)).astype(np.float32)
    picture = colour_kernels(weights, common=False).picture
    content = encode_sharp(picture)
    assert content == encode_sharp(picture.copy())
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    decoded = cv2.cvtColor(decoded, cv2.COLOR_BGRA2RGBA)
    opaque = picture[..., 3] == 255
    assert np.array_equal(decoded[..., 3], picture[..., 3])
    assert np.array_equal(decoded[opaque], picture[opaque])


def test_a_grid_is_about_as_wide_as_high_and_small_tiles_are_enlarged() -> None:
    grid = feature_grid(np.ones((64, 7, 7), np.float32), common=True)
    assert (grid.rows, grid.columns, grid.tile_height) == (8, 8, 49)
    grid = feature_grid(np.ones((3, 60, 60), np.float32), common=True)
    assert (grid.rows, grid.columns, grid.tile_height) == (2, 2, 60)
    assert feature_grid(np.ones((1, 5, 1), np.float32), common=True).picture.shape == (240, 48, 4)


@pytest.mark.parametrize("shape", [(4, 4), (0, 4, 4), (2, 0, 3), (1, 2, 3, 4)])
def test_feature_maps_of_another_shape_are_refused(shape) -> None:
    with pytest.raises(ValueError, match="expected \\(units, rows, cols\\)"):
        feature_grid(np.zeros(shape, np.float32), common=True)


@pytest.mark.parametrize("shape", [(4, 3, 4), (0, 3, 4, 4), (2, 3, 1, 1, 1)])
@pytest.mark.parametrize("draw", [colour_kernels, kernel_slices])
def test_weights_of_another_shape_are_refused(draw, shape) -> None:
    with pytest.raises(ValueError, match="expected \\(units, channels, height, width\\)"):
        draw(np.zeros(shape, np.float32), common=True)


def test_other_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="4 input channels; expected 3"):
        colour_kernels(np.zeros((2, 4, 3, 3), np.float32), common=True)
    with pytest.raises(ValueError, match="expected at least 1 of each"):
        kernel_slices(np.zeros((2, 4, 3, 3), np.float32), common=True, units=0)
    with pytest.raises(ValueError, match="Draw fewer of them"):
        feature_grid(np.zeros((400, 4, 4), np.float32), common=True, columns=1)
