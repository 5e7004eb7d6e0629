"""Small pictures of images that no other page of the report shows."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from reports.model_view import draw_view, encode_jpeg
from reports.spread import spread
from reports.tables import AuditTables
from tasks.images.decoding import ImageSource, Pixels, UnreadableImage, decode_image
from tasks.images.geometry import place

# About 4 KB each: 8 MB, and some 20 s of reading photographs.
MOST_THUMBNAILS = 2_000
_SIDE = 128
FOLDER = "thumbnails"


def draw_thumbnails(
    tables: AuditTables, uris: list[str], report: Path
) -> Iterator[tuple[int, str]]:
    """Begin to draw the model's view of images that have no picture in the report yet: of all where
    they are at most MOST_THUMBNAILS, else of the most costly.

    uris : of `tables.images`, in their order

    Returns: image_ids with paths in the report, of those that can be read
    """
    (report / FOLDER).mkdir(parents=True, exist_ok=True)
    images = tables.images.assign(uri=uris)
    chosen = [(row.image_id, row.uri) for row in _choose(images, report).itertuples()]
    drawn = spread(partial(_draw, ImageSource(), report, tables.crop), chosen)
    return ((image_id, name) for image_id, name in drawn if name)


def _draw(
    source: ImageSource, report: Path, view: tuple[int, int], image: tuple[int, str]
) -> tuple[int, str]:
    """view : shorter side after the resize and side of the crop, pixels; image : its id and uri"""
    image_id, uri = image
    try:
        pixels = decode_image(source.read(uri))
    except UnreadableImage:
        return image_id, ""  # the page says so where it would show it
    height, width = pixels.shape[:2]
    name = f"{FOLDER}/{image_id}.jpg"
    seen = draw_view(pixels, place(width, height, *view))
    (report / name).write_bytes(encode_jpeg(_shrink(seen)))
    return image_id, name


def stored_pictures(report: Path) -> dict[int, str]:
    """The pictures that other pages show, by image_id."""
    return {int(file.stem): f"images/{file.name}" for file in (report / "images").glob("*.jpg")}


def _choose(images: pd.DataFrame, report: Path) -> pd.DataFrame:
    left = images[~images["image_id"].isin(stored_pictures(report))]
    costly = left.sort_values(
        ["mistake", "loss", "image_id"], ascending=[False, False, True], na_position="last"
    )
    return costly.head(MOST_THUMBNAILS).sort_values("image_id")


def _shrink(view: Pixels) -> Pixels:
    if len(view) <= _SIDE:
        return view
    return cv2.resize(view, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.uint8)
