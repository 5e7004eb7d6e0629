"""The renderer: same seeds, same bytes; the object does not know its background."""

import cv2
import numpy as np
import pytest

from tasks.scenes import (
    BACKGROUND_NAMES,
    OBJECT_NAMES,
    compose,
    render_background,
    render_object,
    render_scene,
)
from tasks.scenes.backgrounds import PAINTERS as BACKGROUND_PAINTERS
from tasks.scenes.brush import Brush, ellipse, spline
from tasks.scenes.objects import PAINTERS as OBJECT_PAINTERS

SIZE = 96
PAIRS = [(name, seed) for name in OBJECT_NAMES for seed in range(4)]


def test_names_are_all_painters_in_order() -> None:
    assert OBJECT_NAMES == ("fish", "key", "mug", "mushroom", "sailboat", "umbrella")
    assert BACKGROUND_NAMES == ("bricks", "meadow", "planks", "sand", "snow", "water")
    assert set(OBJECT_PAINTERS) == set(OBJECT_NAMES)
    assert set(BACKGROUND_PAINTERS) == set(BACKGROUND_NAMES)


@pytest.mark.parametrize("background", BACKGROUND_NAMES)
def test_same_seeds_give_same_bytes_and_others_do_not(background: str) -> None:
    first = render_scene("mug", background, 5, 6, SIZE)
    again = render_scene("mug", background, 5, 6, SIZE)
    assert first.image.tobytes() == again.image.tobytes()
    assert first.mask.tobytes() == again.mask.tobytes()
    other_background = render_scene("mug", background, 5, 7, SIZE)
    assert np.abs(first.image.astype(int) - other_background.image).mean() > 2
    np.testing.assert_array_equal(first.mask, other_background.mask)
    assert (render_scene("mug", background, 8, 6, SIZE).mask != first.mask).mean() > 0.01


@pytest.mark.parametrize(("name", "seed"), PAIRS)
def test_object_stays_the_same_on_another_background(name: str, seed: int) -> None:
    scenes = [render_scene(name, background, seed, 11, SIZE) for background in BACKGROUND_NAMES]
    inside = cv2.erode(scenes[0].mask, np.ones((5, 5), np.uint8)) == 255
    whole = render_object(name, seed, SIZE).coverage == 1
    # Slits of a pixel, as between sail and hull, let a little of the background through.
    assert (inside & whole).sum() >= 0.9 * inside.sum()
    for scene in scenes[1:]:
        np.testing.assert_array_equal(scene.mask, scenes[0].mask)
        np.testing.assert_array_equal(scene.image[whole], scenes[0].image[whole])


@pytest.mark.parametrize(("name", "seed"), PAIRS)
def test_mask_is_what_black_and_white_backgrounds_show(name: str, seed: int) -> None:
    layer = render_object(name, seed, SIZE)
    bare = np.zeros_like(layer.shadow)
    unshadowed = type(layer)(layer.color, layer.coverage, bare, layer.mask)
    black = compose(unshadowed, np.zeros((SIZE, SIZE, 3), np.float32)).astype(int)
    white = compose(unshadowed, np.full((SIZE, SIZE, 3), 255, np.float32)).astype(int)
    hidden = 1 - (white - black)[..., 1] / 255  # what does not let the background through
    covered = hidden > 0.5 + 2 / 255
    shown = layer.mask == 255
    # Every pixel of the mask hides the background; the rest of what hides it is clutter.
    assert (hidden[shown] > 0.5 - 2 / 255).all()
    if not has_clutter(name, seed):
        np.testing.assert_array_equal(shown | covered, shown)
        changed = (white != black).any(axis=2)
        assert changed[~covered].all()


def has_clutter(name: str, seed: int) -> bool:
    """Whether more is drawn than one connected object; a slow look at the picture itself."""
    layer = render_object(name, seed, SIZE)
    return bool(((layer.coverage > 0.5 + 2 / 255) & (layer.mask == 0)).any())


def test_some_objects_are_partly_hidden_by_clutter() -> None:
    share = np.mean([has_clutter("fish", seed) for seed in range(60)])
    assert 0.15 < share < 0.45  # 0.3 are drawn with clutter


def test_classes_share_their_colours() -> None:
    means = {}
    for name in OBJECT_NAMES:
        layers = [render_object(name, seed, 32) for seed in range(60)]
        means[name] = np.mean([layer.color[layer.mask == 255].mean(0) for layer in layers], axis=0)
    spread = np.ptp(np.stack(list(means.values())), axis=0)
    assert spread.max() < 60, means  # of 255; one object's own colour varies by more than that


def test_backgrounds_are_told_apart_by_colour_and_grain() -> None:
    def describe(name: str, seed: int) -> np.ndarray:
        image = render_background(name, seed, 48)
        steps = np.abs(np.diff(image, axis=0)).mean(), np.abs(np.diff(image, axis=1)).mean()
        return np.concatenate([image.mean((0, 1)), image.std((0, 1)), steps])

    known = {
        name: np.mean([describe(name, seed) for seed in range(12)], axis=0)
        for name in BACKGROUND_NAMES
    }
    seen = [(name, describe(name, seed)) for name in BACKGROUND_NAMES for seed in range(20, 30)]
    nearest = [min(known, key=lambda other: np.linalg.norm(known[other] - d)) for _, d in seen]
    right = np.mean([name == found for (name, _), found in zip(seen, nearest, strict=True)])
    assert right > 0.9


@pytest.mark.parametrize(
    ("names", "message"),
    [(("teapot", "sand"), "no object is named 'teapot'; known: fish, key"),
     (("fish", "moon"), "no background is named 'moon'; known: bricks, meadow")],
)  # fmt: skip
def test_unknown_names_are_told(names: tuple[str, str], message: str) -> None:
    with pytest.raises(KeyError, match=message):
        render_scene(*names, 0, 0, SIZE)


def test_brush_covers_the_area_of_a_disc_and_keeps_its_hole() -> None:
    brush = Brush(200, np.array([[100.0, 0, 100], [0, 100, 100]]))
    disc, hole = ellipse((0, 0), (0.8, 0.8), points=200), ellipse((0, 0), (0.4, 0.4), points=200)
    brush.fill(disc, (200, 100, 50), holes=[hole], shade=0, line=0)
    area = np.pi * (0.8**2 - 0.4**2) * 100**2
    half_a_pixel = 0.5 * 2 * np.pi * (80 + 40)  # cv2 paints the pixels of the edge, too
    assert brush.coverage.sum() == pytest.approx(area + half_a_pixel, rel=0.015)
    assert brush.coverage[100, 100] == 0
    np.testing.assert_allclose(brush.color[100, 160], (200, 100, 50), atol=1e-3)


def test_brush_outside_the_canvas_paints_nothing() -> None:
    brush = Brush(20, np.array([[1.0, 0, 500], [0, 1, 500]]))
    brush.fill(ellipse((0, 0), (1, 1)), (255, 0, 0))
    assert brush.coverage.sum() == 0


def test_spline_runs_through_its_corners() -> None:
    corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    np.testing.assert_allclose(spline(corners, steps=10)[::10], corners, atol=1e-12)
