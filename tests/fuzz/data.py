"""Manifests, annotations, class lists and images."""

import io
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st
from PIL import Image

from tasks.errors import AuditError
from tasks.images.decoding import UnreadableImage, decode_image, decode_mask
from tasks.images.inputs import InputReader
from tasks.images.preprocessing import Preprocessing
from tasks.images.reduced_decoding import decode_reduced
from tasks.index.classes import read_classes
from tasks.index.manifest import build_manifest
from tests.fuzz.mutation import mutated, restructured

IMAGES = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")
NAMES = ["ant", "bee", "cat"]
SIZE = (24, 20)
VIEW = Preprocessing(16, 16, (0.5,) * 3, (0.25,) * 3)

CSV = (
    b"uri,label,mask_uri,boxes,box_names,split,camera\n"
    b'a.png,ant,m.png,"[[1, 2, 9, 8]]","[""ear""]",train,C1\n'
    b"file:///etc/passwd,bee,,,,val,\nb.png,2,coco.json#1,,,,\n../x.png,,,,,,\n",
    b"uri,label\na.png,0\nb.png,1\n",
    b'uri,boxes\na.png,"[[0, 0, 5, 5], [2, 2, 4, 4]]"\n',
    b"uri,mask_uri,mask_name\na.png,m.png,ear\nrows.parquet#0,,\n",
)
COCO = {
    "images": [{"id": 1, "file_name": "a.png", "height": 20, "width": 24},
               {"id": 2, "file_name": "b.png", "height": 20, "width": 24}],
    "annotations": [
        {"image_id": 1, "category_id": 7, "bbox": [1, 2, 6, 5],
         "segmentation": [[1, 1, 9, 1, 9, 9]]},
        {"image_id": 2, "category_id": 7, "bbox": [0, 0, 4, 4],
         "segmentation": {"counts": [40, 40, 400], "size": [20, 24]}},
    ],
    "categories": [{"id": 7, "name": "ear"}],
}  # fmt: skip
CLASSES = (b"class_idx,name,folder\n0,ant,n1\n1,bee,n2\n2,cat,n3\n", b"class_idx,name\n2,cat\n")


def write_images(folder: Path) -> None:
    """What the seeds name."""
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png", "m.png"):
        cv2.imwrite(str(folder / name), rng.integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8))
    (folder / "coco.json").write_text(json.dumps(COCO))
    (folder / "rows.parquet").write_bytes(parquets()[1])


def parquets() -> tuple[bytes, ...]:
    stream, picture = io.BytesIO(), io.BytesIO()
    Image.new("RGB", SIZE, "red").save(picture, "PNG")
    boxes = [[[1.0, 2.0, 9.0, 8.0]], None]
    listed = pa.table(
        {"uri": ["a.png", "b.png"], "label": [0, 1], "boxes": boxes, "site": ["x", "y"]}
    )
    embedded = pa.table({"image": [picture.getvalue()] * 2, "label": [0, 1]})
    written = []
    for table in (listed, embedded):
        stream = io.BytesIO()
        pq.write_table(table, stream, compression="none")
        written.append(stream.getvalue())
    return tuple(written)


def check_csv(content: bytes, folder: Path) -> None:
    (folder / "m.csv").write_bytes(content)
    _check_rows(folder, "m.csv", None)


def check_parquet(content: bytes, folder: Path) -> None:
    (folder / "m.parquet").write_bytes(content)
    _check_rows(folder, "m.parquet", None)


def check_coco(content: bytes, folder: Path) -> None:
    (folder / "annotations.json").write_bytes(content)
    (folder / "plain.csv").write_text("uri,label\na.png,0\nb.png,1\n")
    _check_rows(folder, "plain.csv", str(folder / "annotations.json"))


def check_classes(content: bytes, folder: Path) -> None:
    (folder / "classes.csv").write_bytes(content)
    for categories in (NAMES, None):
        try:
            found = read_classes(str(folder / "classes.csv"), categories)
        except AuditError:
            continue
        assert all(0 <= index < len(found.names) for index in found.index_of.values())
        assert categories is None or len(found.names) == len(categories)


def check_image(content: bytes, folder: Path) -> None:
    """Where it decodes it is what OpenCV makes of it."""
    try:
        pixels = decode_image(content)
    except UnreadableImage:
        pass
    else:
        expected = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        assert np.array_equal(pixels, expected[..., ::-1])
        assert decode_reduced(content, 6)[1] == (pixels.shape[1], pixels.shape[0])
        (folder / "x.img").write_bytes(content)
        read = InputReader(VIEW, 3).read(_row(folder / "x.img"))
        assert (read.image is None) == (read.failure is not None)
    try:
        mask = decode_mask(content)
    except UnreadableImage:
        return
    assert mask.dtype == bool and mask.ndim == 2


def images(kind: str) -> st.SearchStrategy[bytes]:
    """Changed files of one of Pillow's formats."""
    return mutated(image_files(kind))


def image_files(kind: str) -> list[bytes]:
    """Whole files of one of Pillow's formats, in colour, grey and with a palette."""
    rng = np.random.default_rng(1)
    picture = Image.fromarray(rng.integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8))
    seeds = []
    for each in (picture, picture.convert("L"), picture.convert("P")):
        if (kind, each.mode) != ("JPEG", "P"):
            stream = io.BytesIO()
            each.save(stream, kind)
            seeds.append(stream.getvalue())
    return seeds


def coco() -> st.SearchStrategy[bytes]:
    return st.one_of(restructured(COCO), mutated([json.dumps(COCO).encode()]))


def _row(file: Path) -> dict[str, object]:
    return {"image_id": 0, "uri": str(file), "label": 0, "mask_uri": None, "boxes": None}


def _check_rows(folder: Path, manifest: str, annotations: str | None) -> None:
    """Every row is read below the folder, and becomes an input or a failure."""
    try:
        table, _ = build_manifest(str(folder / manifest), NAMES, None, annotations)
    except AuditError:
        return
    reader, inside = InputReader(VIEW, len(NAMES)), os.path.realpath(folder) + os.sep
    for row in table.to_pylist():
        for uri in filter(None, (row["uri"], row["mask_uri"])):
            path = uri.removeprefix("file://").partition("\0")[0]  # no file has the rest
            assert os.path.realpath(path).startswith(inside), uri
        read = reader.read(row)
        assert (read.image is not None) or (read.failure is not None)
        if read.image is not None:
            assert read.image.pixels.shape == (3, VIEW.crop, VIEW.crop)
