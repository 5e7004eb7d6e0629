"""A dataset with everything that can be wrong in it: handled, or one row in `failures`."""

import io
import json
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.tasks.tiny_audit import configure, draw_folders, run_audit, table

NOISE = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that says it is huge and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def good_files() -> dict[str, bytes]:
    rgb = Image.fromarray(NOISE)
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = Image.fromarray(NOISE[..., 0].astype(np.uint16) * 257)
    frames = [Image.fromarray(NOISE), Image.fromarray(255 - NOISE)]
    return {
        "one pixel.png": encoded(Image.fromarray(NOISE[:1, :1]), "PNG"),
        "grey.jpg": encoded(rgb.convert("L"), "JPEG"),
        "cmyk.jpg": encoded(rgb.convert("CMYK"), "JPEG"),
        "deep.png": encoded(deep, "PNG"),
        "alpha.png": encoded(rgb.convert("RGBA"), "PNG"),
        "palette.png": encoded(rgb.convert("P"), "PNG"),
        "turned.jpg": encoded(rgb, "JPEG", exif=exif),
        "animated.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "näme with 'spaces' & 日本.png": encoded(rgb, "PNG"),
        "actually a png.jpg": encoded(rgb, "PNG"),
    }


def bad_files() -> dict[str, tuple[bytes, str, str]]:
    """Content, stage and a word of the reason."""
    jpeg = encoded(Image.fromarray(NOISE), "JPEG")
    return {
        "truncated.jpg": (jpeg[: len(jpeg) // 2], "decode", "truncated"),
        "truncated.png": (encoded(Image.fromarray(NOISE), "PNG")[:900], "decode", "truncated"),
        "text.jpg": (b"not an image", "decode", "not an image"),
        "empty.png": (b"", "decode", "empty"),
        "bomb.png": (png_of_size(60_000, 60_000), "decode", "PIXELS"),
        "needle.png": (encoded(Image.fromarray(NOISE[:1, :]).resize((30_000, 1)), "PNG"),
                       "decode", "too long"),
    }  # fmt: skip


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    pics = draw_folders(folder / "pics", 2)
    for name, content in good_files().items():
        (pics / "bee" / name).write_bytes(content)
    for name, (content, _, _) in bad_files().items():
        (pics / "cat" / name).write_bytes(content)
    (pics / "cat" / "nowhere.jpg").symlink_to("absent.jpg")
    (pics / "cat" / "itself.jpg").symlink_to("itself.jpg")
    return run_audit(configure(folder, pics, shard_size=7))


def test_every_bad_image_is_one_row_of_failures_with_its_reason(audited):
    failures = table(audited, "failures")
    expected = {name: (stage, word) for name, (_, stage, word) in bad_files().items()}
    expected |= {"nowhere.jpg": ("read", "No such file"), "itself.jpg": ("read", "")}
    found = {os.path.basename(uri): i for i, uri in enumerate(failures["uri"])}
    assert found.keys() == expected.keys() and len(failures) == len(found)
    for name, (stage, word) in expected.items():
        row = failures.iloc[found[name]]
        assert row["stage"] == stage, name
        assert word in row["error"], name


def test_every_other_image_is_predicted_once(audited):
    manifest, failures = table(audited, "manifest"), table(audited, "failures")
    predictions = table(audited, "predictions")
    expected = set(manifest["image_id"]) - set(failures["image_id"])
    assert predictions["image_id"].is_unique and set(predictions["image_id"]) == expected
    assert len(expected) == 6 + len(good_files())
    records = sorted((audited.root / "records" / "shards").iterdir())
    counts = [json.loads(file.read_text()) for file in records]
    assert sum(c["images"] for c in counts) == len(manifest)
    assert sum(c["failed"] for c in counts) == len(failures)


def test_a_turned_image_has_the_size_that_is_seen(audited):
    manifest = table(audited, "manifest").set_index("image_id")["uri"]
    rows = table(audited, "predictions").set_index("image_id")
    sizes = {os.path.basename(manifest[i]): (rows.width[i], rows.height[i]) for i in rows.index}
    assert sizes["turned.jpg"] == (40, 50) and sizes["grey.jpg"] == (50, 40)
    assert sizes["one pixel.png"] == (1, 1)


def test_counts_of_the_classes_leave_out_what_failed(audited):
    stats = table(audited, "class_stats").set_index("name")
    assert stats["images"].to_dict() == {"ant": 2, "bee": 2 + len(good_files()), "cat": 2}


def test_a_dataset_of_bad_images_alone(tmp_path):
    for name in ("ant", "bee", "cat"):
        (tmp_path / "pics" / name).mkdir(parents=True)
        for i in range(2):
            (tmp_path / "pics" / name / f"{i}.jpg").write_bytes(b"text")
    run = run_audit(configure(tmp_path, tmp_path / "pics", shard_size=4))
    assert len(table(run, "failures")) == 6
    for name in ("predictions", "heatmaps", "features", "units", "class_stats", "confusions"):
        assert len(table(run, name)) == 0, name
    assert table(run, "unit_stats")["images"].tolist() == [0] * 12
