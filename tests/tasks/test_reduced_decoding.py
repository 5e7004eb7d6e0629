"""JPEGs decoded at a part of their size: against Pillow's draft mode, and which part is chosen."""

import io
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tasks.errors import AuditError
from tasks.images.decoding import UnreadableImage, decode_image
from tasks.images.inputs import InputReader
from tasks.images.preprocessing import Preprocessing
from tasks.images.reduced_decoding import decode_reduced, reduction
from tasks.index.plan import plan_audit, write_plan
from tests.tasks.test_images import BAD, ORIENTATION, THUMBNAIL, encoded
from tests.tasks.tiny_audit import configure, draw_folders, run_audit, table

COARSE = np.random.default_rng(0).integers(0, 256, (9, 11, 3), dtype=np.uint8)


def photograph(width: int, height: int) -> Image.Image:
    return Image.fromarray(COARSE).resize((width, height), Image.Resampling.BICUBIC)


def by_draft(content: bytes, factor: int) -> np.ndarray:
    """Pillow's own use of libjpeg's scaling, turned upright."""
    image = Image.open(io.BytesIO(content))
    image.draft(image.mode, (image.width // factor, image.height // factor))
    return np.asarray(ImageOps.exif_transpose(image).convert("RGB")).astype(int)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_reduced_pixels_are_those_of_pillow_s_draft(mode: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    progressive = orientation % 2 == 0
    content = encoded(
        photograph(331, 250).convert(mode), "JPEG", exif=exif, quality=92, progressive=progressive
    )
    upright = (331, 250) if orientation < 5 else (250, 331)
    for factor, shorter_side in ((2, 125), (4, 63), (8, 32)):
        pixels, size = decode_reduced(content, shorter_side)
        expected = by_draft(content, factor)
        assert size == upright
        assert pixels.shape == expected.shape
        assert np.abs(pixels - expected).max() <= (2 if mode == "CMYK" else 1)


def test_a_flat_block_keeps_its_mean() -> None:
    """Of a block of 8 x 8 an eighth is the block's mean: DCT's first coefficient over 8."""
    levels = np.random.default_rng(1).integers(30, 220, (6, 9)).astype(np.uint8)
    content = encoded(Image.fromarray(np.kron(levels, np.ones((8, 8), np.uint8))), "JPEG")
    pixels, size = decode_reduced(content, 6)
    assert size == (72, 48)
    assert np.abs(pixels.astype(int) - levels[:, :, None]).max() <= 2


@given(st.integers(1, 4000), st.integers(1, 4000), st.integers(1, 600))
def test_the_largest_reduction_that_leaves_enough(width: int, height: int, least: int) -> None:
    factor = reduction((width, height), least)

    def fits(by: int) -> bool:
        sides = [math.ceil(side / by) for side in (width, height)]
        told_apart = len(set(sides)) == len({width, height})
        return min(sides) >= least and told_apart

    assert factor == next((by for by in (8, 4, 2) if fits(by)), 1)
    if factor > 1:
        assert math.ceil(min(width, height) / factor) >= least


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 140), st.integers(1, 140), st.integers(1, 40), st.integers(1, 8))
def test_whatever_the_size_it_is_told_and_enough_is_left(
    width: int, height: int, least: int, orientation: int
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    content = encoded(photograph(width, height), "JPEG", exif=exif)
    pixels, size = decode_reduced(content, least)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).size
    assert size == upright
    assert min(pixels.shape[:2]) >= min(least, *upright)
    factor = reduction((width, height), least)
    assert pixels.shape == (math.ceil(size[1] / factor), math.ceil(size[0] / factor), 3)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "TIFF", "WEBP"])
def test_other_formats_are_decoded_whole(kind: str) -> None:
    content = encoded(photograph(96, 64), kind)
    pixels, size = decode_reduced(content, 8)
    assert size == (96, 64)
    np.testing.assert_array_equal(pixels, decode_image(content))


def test_a_thumbnail_in_front_is_not_taken_for_the_image() -> None:
    pixels, size = decode_reduced(THUMBNAIL, 20)  # 48 x 40, the thumbnail as large
    assert size == (48, 40) and pixels.shape == (20, 24, 3)
    small = encoded(photograph(16, 8), "JPEG")
    large = encoded(photograph(331, 250), "JPEG")
    both = large[:2] + b"\xff\xe1" + (len(small) + 2).to_bytes(2) + small + large[2:]
    assert decode_reduced(both, 60)[1] == (331, 250)


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_decoded_fails_as_before(name: str) -> None:
    content, reason = BAD[name]
    with pytest.raises(UnreadableImage, match=reason):
        decode_reduced(content, 8)


def test_a_jpeg_of_too_many_pixels_fails_as_before() -> None:
    content = bytearray(encoded(photograph(96, 64), "JPEG"))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = (60_000).to_bytes(2) + (60_001).to_bytes(2)
    reasons = []
    for decode in (decode_image, lambda c: decode_reduced(c, 16)):
        with pytest.raises(UnreadableImage) as caught:
            decode(bytes(content))
        reasons.append(str(caught.value))
    assert reasons[0] == reasons[1] and "PIXELS" in reasons[0]


@pytest.mark.parametrize("orientation", [1, 6])
def test_boxes_and_masks_stay_in_pixels_of_the_image(tmp_path, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    picture = photograph(336, 248)
    (tmp_path / "a.jpg").write_bytes(encoded(picture, "JPEG", exif=exif, quality=95))
    width, height = ImageOps.exif_transpose(Image.open(tmp_path / "a.jpg")).size
    mask = np.zeros((height, width), np.uint8)
    mask[: height // 3, width // 4 :] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    row = {
        "image_id": 0, "uri": str(tmp_path / "a.jpg"), "label": 0,
        "mask_uri": str(tmp_path / "mask.png"), "boxes": [[20.0, 30.0, 200.0, 120.0]],
    }  # fmt: skip
    whole, fast = (
        InputReader(Preprocessing(36, 32, (0.5,) * 3, (0.5,) * 3, fast_decode=on), 3).read(row)
        for on in (False, True)
    )
    assert whole.failure is None and fast.failure is None
    assert whole.image is not None and fast.image is not None
    assert fast.image.placement == whole.image.placement
    assert (fast.image.placement.width, fast.image.placement.height) == (width, height)
    assert fast.image.boxes == whole.image.boxes
    np.testing.assert_array_equal(fast.image.object_mask, whole.image.object_mask)
    assert not torch.equal(fast.image.pixels, whole.image.pixels)
    assert (fast.image.pixels.int() - whole.image.pixels.int()).abs().float().mean() < 2


def as_jpegs(folder, images):
    for file in sorted(images.rglob("*.png")):
        to = (folder / file.relative_to(images)).with_suffix(".jpg")
        to.parent.mkdir(parents=True, exist_ok=True)
        Image.open(file).resize((150, 130), Image.Resampling.BICUBIC).save(to, quality=95)
    return folder


def test_it_is_part_of_what_an_audit_is(tmp_path) -> None:
    images = as_jpegs(tmp_path / "jpegs", draw_folders(tmp_path / "images", 2))
    whole, fast = configure(tmp_path / "a", images), configure(
        tmp_path / "b", images, fast_decode=True
    )  # fmt: skip
    runs = [run_audit(config) for config in (whole, fast)]
    assert "fast_decode" not in runs[0].audit()["preprocessing"]  # as of an earlier version
    assert runs[1].audit()["preprocessing"]["fast_decode"] is True
    sizes = [table(run, "predictions")[["image_id", "width", "height"]] for run in runs]
    assert sizes[0].equals(sizes[1]) and set(sizes[0]["width"]) == {150}
    for stands, asked in ((whole, fast), (fast, whole)):
        other = asked.model_copy(update={"out": stands.out})
        with pytest.raises(AuditError, match=r"preprocessing\.fast_decode"):
            plan_audit(other)
    later = whole.model_copy(update={"out": str(tmp_path / "c"), "previous": fast.out})
    plan = plan_audit(later)
    assert plan.earlier is None
    write_plan(plan)
    assert {s.key for s in plan.shards}.isdisjoint(s.key for s in plan_audit(fast).shards)
