"""Crops of source images: each image is decoded once, and all its crops are cut together."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import cv2
import pyarrow.compute as pc

from reports.model_view import encode_jpeg
from reports.patterns.unit_layers import Box
from reports.spread import spread
from tasks.images.decoding import ImageSource, Pixels, UnreadableImage, decode_image
from tasks.tables.storage import RunFolder

SIDE = 128  # pixels of a crop as it is stored

Cut = tuple[int, Box]  # image_id, and where in the image


@dataclass(frozen=True)
class PlannedCut:
    """on_page : whether a page holds it itself; number : of its file, -1 where it has none"""

    cut: Cut
    on_page: bool
    number: int


@dataclass(frozen=True)
class DrawnCrop:
    """data : the picture as a data: URL; '' where a script loads it, and where the image cannot be
        read any more: `note` then says why
    number : of its file crops/<number>.jpg; -1 where it has none
    name, uri : of the image
    """

    data: str
    note: str
    number: int
    name: str
    uri: str


def draw_crops(
    run: RunFolder, on_pages: set[Cut], in_files: set[Cut], folder: Path
) -> Iterator[tuple[Cut, DrawnCrop]]:
    """Begin to draw crops; each image is decoded once.

    on_pages : what pages hold themselves: thousands of small files take longer than their pictures
    in_files : what a script loads, as crops/<number>.jpg in `folder`, in the order of image_id
    """
    if in_files:
        (folder / "crops").mkdir(parents=True, exist_ok=True)
    numbers = {cut: number for number, cut in enumerate(sorted(in_files))}
    cuts: dict[int, list[PlannedCut]] = {}
    for cut in sorted(on_pages | in_files):
        planned = PlannedCut(cut, cut in on_pages, numbers.get(cut, -1))
        cuts.setdefault(cut[0], []).append(planned)
    drawn = spread(partial(_draw, ImageSource(), folder), _with_uris(run, cuts))
    return chain.from_iterable(drawn)


def _draw(
    source: ImageSource, folder: Path, image: tuple[str, list[PlannedCut]]
) -> list[tuple[Cut, DrawnCrop]]:
    """image : its uri, and its crops"""
    uri, planned = image
    name = uri.replace("\\", "/").rsplit("/", 1)[-1]
    try:
        pixels = decode_image(source.read(uri))
    except UnreadableImage as error:
        return [(each.cut, DrawnCrop("", str(error), -1, name, uri)) for each in planned]
    drawn = []
    for each in planned:
        content = encode_jpeg(cut_square(pixels, each.cut[1]))
        if each.number >= 0:
            (folder / "crops" / f"{each.number}.jpg").write_bytes(content)
        data = _data_url(content) if each.on_page else ""
        drawn.append((each.cut, DrawnCrop(data, "", each.number, name, uri)))
    return drawn


def _data_url(content: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"


def cut_square(image: Pixels, box: Box) -> Pixels:
    """The part of an image in a square of at most SIDE pixels; pages enlarge a smaller one.

    box : in pixels of the image, a square up to rounding; it may reach over the edges of an image
        that has changed since, and what is left is shown
    """
    height, width = image.shape[:2]
    top, left = min(max(box[0], 0), height - 1), min(max(box[1], 0), width - 1)
    part = image[top : max(box[2], top + 1), left : max(box[3], left + 1)]
    side = min(SIDE, max(part.shape[:2]))
    method = cv2.INTER_AREA if min(part.shape[:2]) > side else cv2.INTER_CUBIC
    return cv2.resize(part, (side, side), interpolation=method).astype(image.dtype)


def _with_uris(
    run: RunFolder, cuts: dict[int, list[PlannedCut]]
) -> list[tuple[str, list[PlannedCut]]]:
    """The crops of each image behind its uri, in the order of image_id."""
    chosen = pc.field("image_id").isin(list(cuts))
    table = run.dataset("images").to_table(columns=["image_id", "uri"], filter=chosen)
    uris = dict(zip(table["image_id"].to_pylist(), table["uri"].to_pylist(), strict=True))
    return [(uris[image_id], of_image) for image_id, of_image in cuts.items()]
