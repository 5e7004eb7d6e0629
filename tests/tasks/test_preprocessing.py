"""Resize, crop and normalise as torchvision's own presets do; objects fall where they are seen."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

from tasks.images.geometry import place
from tasks.images.preprocessing import Preprocessing, object_in_crop

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIZES = [(300, 200), (200, 301), (97, 97), (640, 33), (64, 64), (1, 1), (53, 500)]


def photograph(width: int, height: int) -> np.ndarray:
    generator = np.random.default_rng(width * 1000 + height)
    coarse = generator.integers(0, 256, (max(height // 8, 1), max(width // 8, 1), 3))
    return np.asarray(Image.fromarray(coarse.astype(np.uint8)).resize((width, height)))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_equals_the_preset_of_torchvision_on_a_pil_image(
    width: int, height: int, interpolation: str
) -> None:
    pixels = photograph(width, height)
    ours = Preprocessing(80, 64, MEAN, STD, interpolation)
    cut, _ = ours.cut(pixels)
    preset = ImageClassification(
        crop_size=64, resize_size=80, mean=MEAN, std=STD,
        interpolation=InterpolationMode(interpolation),
    )  # fmt: skip
    expected = preset(Image.fromarray(pixels))
    grey_level = 1 / 255 / min(STD)
    torch.testing.assert_close(
        ours.normalise(cut[None])[0], expected, rtol=0, atol=1.01 * grey_level
    )
    assert (ours.normalise(cut[None])[0] - expected).abs().mean() < 0.1 * grey_level


@pytest.mark.parametrize(("width", "height"), [(300, 200), (200, 301), (97, 97), (64, 64)])
@pytest.mark.parametrize("as_mask", [True, False])
def test_the_object_lies_where_its_colour_is_seen(width: int, height: int, as_mask: bool) -> None:
    left, top, right, bottom = width // 4, height // 3, width // 4 + 40, height // 3 + 30
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[top:bottom, left:right] = 255
    cut, placement = Preprocessing(80, 64, MEAN, STD).cut(pixels)
    seen = cut[0].numpy()
    mask = pixels[:, :, 0] > 0 if as_mask else None
    boxes = [] if as_mask else [[float(left), float(top), float(right), float(bottom)]]
    found = object_in_crop(mask, boxes, placement)
    assert found is not None
    assert found[seen > 200].all()
    assert not found[seen < 55].any()


def test_neither_mask_nor_box() -> None:
    assert object_in_crop(None, [], place(10, 10, 10, 10)) is None


@pytest.mark.parametrize(("width", "height"), [(300, 200), (97, 97), (33, 640), (1000, 999)])
def test_boxes_go_back_to_the_pixels_that_they_come_from(width: int, height: int) -> None:
    placement = place(width, height, 80, 64)
    x, y = placement.image_coordinates()
    for top, left, bottom, right in [(0, 0, 64, 64), (5, 7, 6, 8), (-20, 10, 12, 200)]:
        [[found_top, found_left, found_bottom, found_right]] = placement.to_image(
            np.array([[top, left, bottom, right]])
        )
        rows = y[max(top, 0) : min(bottom, 64)]
        cols = x[max(left, 0) : min(right, 64)]
        assert found_top <= rows.min() and rows.max() <= found_bottom
        assert found_left <= cols.min() and cols.max() <= found_right
        # Rounded outwards, so at most a pixel and the half cell around each centre is added.
        slack = 1 + max(width / placement.resized_width, height / placement.resized_height)
        assert rows.min() - found_top <= slack and found_bottom - rows.max() <= slack
        assert 0 <= found_left < found_right <= width
        assert 0 <= found_top < found_bottom <= height
