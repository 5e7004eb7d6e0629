"""Crops of source images: each image is decoded once, and all its crops are cut together."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import pandas as pd
import pyarrow.compute as pc

from reports.model_view import encode_jpeg
from reports.patterns.unit_layers import Box
from tasks.images.decoding import ImageSource, Pixels, UnreadableImage, decode_image
from tasks.tables.storage import RunFolder

SIDE = 128  # pixels of a crop as it is stored
MOST_THREADS = 8

Cut = tuple[int, Box]  # image_id, and where in the image


@dataclass(frozen=True)
class DrawnCrop:
    """src : path in the report; '' where the image cannot be read any more, and `note` says why
    number : of the crop in the report, from 0
    name, uri : of the image
    """

    src: str
    note: str
    number: int
    name: str
    uri: str


def draw_crops(run: RunFolder, cuts: set[Cut], folder: Path) -> dict[Cut, DrawnCrop]:
    """Write crops/<number>.jpg in the order of image_id; a crop that is asked for twice is one
    file."""
    if not cuts:
        return {}
    (folder / "crops").mkdir(parents=True, exist_ok=True)
    numbered = pd.DataFrame(sorted(cuts), columns=["image_id", "box"])
    ids = [int(i) for i in numbered["image_id"].unique()]
    uris = _uris(run, ids)
    source = ImageSource()
    jobs = [
        [(number, box) for number, box in zip(rows.index.tolist(), rows["box"], strict=True)]
        for _, rows in numbered.groupby("image_id")
    ]

    def draw(image_id: int, boxes: list[tuple[int, Box]]) -> dict[Cut, DrawnCrop]:
        uri = uris[image_id]
        name = uri.replace("\\", "/").rsplit("/", 1)[-1]
        try:
            image = decode_image(source.read(uri))
        except UnreadableImage as error:
            return {(image_id, box): DrawnCrop("", str(error), n, name, uri) for n, box in boxes}
        for number, box in boxes:
            (folder / "crops" / f"{number}.jpg").write_bytes(encode_jpeg(cut_square(image, box)))
        return {(image_id, box): DrawnCrop(f"crops/{n}.jpg", "", n, name, uri) for n, box in boxes}

    drawn: dict[Cut, DrawnCrop] = {}
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as threads:
        for crops in threads.map(draw, ids, jobs):
            drawn |= crops
    return drawn


def cut_square(image: Pixels, box: Box) -> Pixels:
    """The part of an image in a square of SIDE pixels.

    box : in pixels of the image, a square up to rounding; it may reach over the edges of an image
        that has changed since, and what is left is shown
    """
    height, width = image.shape[:2]
    top, left = min(max(box[0], 0), height - 1), min(max(box[1], 0), width - 1)
    part = image[top : max(box[2], top + 1), left : max(box[3], left + 1)]
    shrinks = min(part.shape[:2]) > SIDE
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(part, (SIDE, SIDE), interpolation=method).astype(image.dtype)


def _uris(run: RunFolder, ids: list[int]) -> dict[int, str]:
    chosen = pc.field("image_id").isin(ids)
    table = run.dataset("manifest").to_table(columns=["image_id", "uri"], filter=chosen)
    return dict(zip(table["image_id"].to_pylist(), table["uri"].to_pylist(), strict=True))
