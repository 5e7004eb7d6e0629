"""Decoded pixels against Pillow, masks, and reading by uri."""

import io
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageOps

from tasks.images.decoding import ImageSource, UnreadableImage, decode_image, decode_mask

RNG = np.random.default_rng(0)
COARSE = Image.fromarray(RNG.integers(0, 256, (5, 6, 3), dtype=np.uint8))
PHOTOGRAPH = COARSE.resize((48, 40), Image.Resampling.BICUBIC)
ORIENTATION = 0x0112


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encoded(PHOTOGRAPH, "JPEG", exif=exif, quality=95)


def by_pillow(content: bytes) -> np.ndarray:
    """As a viewer shows it: turned upright, first frame, RGB, alpha dropped."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    return np.asarray(image.convert("RGB")).astype(int)


LOSSLESS = {
    "rgb.png": lambda: encoded(PHOTOGRAPH, "PNG"),
    "one pixel.png": lambda: encoded(PHOTOGRAPH.crop((0, 0, 1, 1)), "PNG"),
    "grey.png": lambda: encoded(PHOTOGRAPH.convert("L"), "PNG"),
    "bits.png": lambda: encoded(PHOTOGRAPH.convert("1"), "PNG"),
    "palette.png": lambda: encoded(PHOTOGRAPH.convert("P"), "PNG"),
    "transparent.png": lambda: encoded(
        Image.merge("RGBA", (*PHOTOGRAPH.split(), PHOTOGRAPH.getchannel(0))), "PNG"
    ),
    "grey and alpha.png": lambda: encoded(PHOTOGRAPH.convert("LA"), "PNG"),
    "animated.gif": lambda: encoded(
        PHOTOGRAPH.convert("P"), "GIF", save_all=True,
        append_images=[ImageOps.invert(PHOTOGRAPH).convert("P")],
    ),
    "rgb.bmp": lambda: encoded(PHOTOGRAPH, "BMP"),
    "rgb.tiff": lambda: encoded(PHOTOGRAPH, "TIFF"),
    "rgb.webp": lambda: encoded(PHOTOGRAPH, "WEBP", lossless=True),
}  # fmt: skip
# Decoders of JPEG differ by rounding, and of CMYK by the conversion to RGB, too.
LOSSY = {
    "rgb.jpg": (lambda: encoded(PHOTOGRAPH, "JPEG", subsampling=0), 3),
    "progressive.jpg": (lambda: encoded(PHOTOGRAPH, "JPEG", progressive=True, subsampling=0), 3),
    "grey.jpg": (lambda: encoded(PHOTOGRAPH.convert("L"), "JPEG"), 2),
    "cmyk.jpg": (lambda: encoded(PHOTOGRAPH.convert("CMYK"), "JPEG", quality=95), 4),
    **{f"turned {i}.jpg": (lambda i=i: turned(i), 12) for i in range(1, 9)},
}


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_pixels_are_pillow_s(name: str) -> None:
    content = LOSSLESS[name]()
    pixels = decode_image(content)
    assert pixels.dtype == np.uint8 and pixels.ndim == 3
    np.testing.assert_array_equal(pixels, by_pillow(content))


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_pixels_are_near_pillow_s(name: str) -> None:
    make, levels = LOSSY[name]
    content = make()
    pixels, expected = decode_image(content), by_pillow(content)
    assert pixels.shape == expected.shape
    difference = np.abs(pixels - expected)
    assert difference.max() <= levels and difference.mean() < 1.5


def test_sixteen_bits_become_eight() -> None:
    deep = RNG.integers(0, 2**16, (7, 9)).astype(np.uint16)
    pixels = decode_image(encoded(Image.fromarray(deep), "PNG"))
    assert np.abs(pixels - (deep[..., None] / 257)).max() <= 1


JPEG, PNG = (encoded(PHOTOGRAPH, kind) for kind in ("JPEG", "PNG"))
THUMBNAIL = JPEG[:2] + b"\xff\xe1" + (len(JPEG) + 2).to_bytes(2) + JPEG + JPEG[2:]
BAD = {
    "nothing": (b"", "the file is empty"),
    "text": (b"not an image", "not an image"),
    "zero bytes": (bytes(500), "not an image"),
    "half a JPEG": (JPEG[: len(JPEG) // 2], "truncated JPEG"),
    "a JPEG without its last byte": (JPEG[:-1], "truncated JPEG"),
    "half a progressive JPEG": (
        encoded(PHOTOGRAPH, "JPEG", progressive=True)[:-300], "truncated JPEG",
    ),
    "a thumbnail and half a JPEG": (THUMBNAIL[:-200], "truncated JPEG"),
    "half a PNG": (PNG[: len(PNG) // 2], "truncated PNG"),
    "a start of JPEG": (b"\xff\xd8\xff", "truncated JPEG"),
    "a start of PNG": (PNG[:8], "truncated PNG"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("decode", [decode_image, decode_mask])
def test_what_cannot_be_decoded_says_why(name: str, decode) -> None:
    content, reason = BAD[name]
    with pytest.raises(UnreadableImage, match=reason) as caught:
        decode(content)
    assert caught.value.stage == "decode"


@pytest.mark.parametrize("cut", range(1, len(JPEG), 97))
def test_no_cut_of_a_jpeg_passes_for_whole(cut: int) -> None:
    with pytest.raises(UnreadableImage):
        decode_image(JPEG[:-cut])


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "BMP"])
def test_a_truncated_file_of_another_kind_is_not_decoded(kind: str) -> None:
    content = encoded(PHOTOGRAPH, kind)
    with pytest.raises(UnreadableImage):
        decode_image(content[: len(content) // 2])


def test_a_whole_jpeg_with_a_thumbnail_and_restarts() -> None:
    np.testing.assert_array_equal(decode_image(THUMBNAIL), decode_image(JPEG))
    restarts = encoded(PHOTOGRAPH, "JPEG", restart_marker_blocks=2)
    assert b"\xff\xd0" in restarts and decode_image(restarts).shape == (40, 48, 3)


def test_masks() -> None:
    object_ = np.zeros((6, 8), dtype=bool)
    object_[2:5, 1:4] = True
    for full in (1, 128, 255):
        mask = decode_mask(encoded(Image.fromarray(object_.astype(np.uint8) * full), "PNG"))
        np.testing.assert_array_equal(mask, object_)
    np.testing.assert_array_equal(decode_mask(encoded(Image.fromarray(object_), "PNG")), object_)
    assert not decode_mask(encoded(Image.new("L", (8, 6)), "PNG")).any()
    deep = Image.fromarray(object_.astype(np.uint16) * 65535)
    np.testing.assert_array_equal(decode_mask(encoded(deep, "PNG")), object_)


def parquet_of(path: Path, contents: list[bytes | None], *, struct: bool) -> str:
    column = [{"bytes": c, "path": None} for c in contents] if struct else contents
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())]) if struct else pa.binary()
    table = pa.table({"id": range(len(contents)), "image": pa.array(column, kind)})
    pq.write_table(table, path, row_group_size=3)
    return str(path)


@pytest.mark.parametrize("struct", [True, False])
def test_rows_of_parquet_in_any_order(tmp_path: Path, struct: bool) -> None:
    contents = [f"image {i}".encode() for i in range(5)]
    name = parquet_of(tmp_path / "a.parquet", contents, struct=struct)
    other = parquet_of(tmp_path / "b.parquet", contents[::-1], struct=struct)
    assert pq.ParquetFile(name).num_row_groups == 2
    source = ImageSource()
    for row in (0, 4, 1, 3, 2, 2, 0):
        assert source.read(f"{name}#{row}") == contents[row]
        assert source.read(f"{other}#{row}") == contents[4 - row]


def test_threads_share_a_source(tmp_path: Path) -> None:
    contents = [bytes([i]) * 50 for i in range(9)]
    name = parquet_of(tmp_path / "a.parquet", contents, struct=True)
    source, wrong = ImageSource(), []

    def read(start: int) -> None:
        rows = [(start + 4 * i) % 9 for i in range(30)]
        wrong.extend(row for row in rows if source.read(f"{name}#{row}") != contents[row])

    threads = [threading.Thread(target=read, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("row", ["5", "-1", "x", ""])
def test_a_row_that_is_not_there(tmp_path: Path, row: str) -> None:
    name = parquet_of(tmp_path / "a.parquet", [b"1"] * 5, struct=False)
    with pytest.raises(UnreadableImage) as caught:
        ImageSource().read(f"{name}#{row}")
    assert caught.value.stage == "read"


def test_a_row_without_bytes(tmp_path: Path) -> None:
    name = parquet_of(tmp_path / "a.parquet", [b"1", None], struct=True)
    with pytest.raises(UnreadableImage, match="row 1 holds no image bytes"):
        ImageSource().read(f"{name}#1")


@pytest.mark.parametrize(
    "name", ["a b.png", "a#b.png", "[1]*?.png", "日本.png", "a::b.png", "a%20b"]
)
def test_odd_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"content")
    assert ImageSource().read(str(tmp_path / name)) == b"content"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for uri in (tmp_path / "a.png", tmp_path, f"file://{tmp_path}/a.png", "nosuch://a/b.png"):
        with pytest.raises(UnreadableImage) as caught:
            ImageSource().read(str(uri))
        assert caught.value.stage == "read"
