"""Small pictures of images that no other page of the report shows."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from reports.model_view import draw_view, encode_jpeg
from reports.tables import AuditTables
from reports.threads import in_threads
from tasks.images.decoding import ImageSource, Pixels, UnreadableImage, decode_image
from tasks.images.geometry import place

# About 4 KB each: 8 MB, and some 20 s of reading photographs.
MOST_THUMBNAILS = 2_000
_SIDE = 128
FOLDER = "thumbnails"


def draw_thumbnails(tables: AuditTables, uris: "pd.Series[str]", report: Path) -> dict[int, str]:
    """Draw the model's view of images that have no picture in the report yet: of all where they
    are at most MOST_THUMBNAILS, else of the most costly.

    uris : by image_id

    Returns: paths in the report by image_id, of those that can be read
    """
    resize, crop = tables.crop
    source = ImageSource()
    (report / FOLDER).mkdir(parents=True, exist_ok=True)

    def draw(image_id: int) -> tuple[int, str]:
        try:
            image = decode_image(source.read(uris[image_id]))
        except UnreadableImage:
            return image_id, ""  # the page says so where it would show it
        height, width = image.shape[:2]
        name = f"{FOLDER}/{image_id}.jpg"
        view = draw_view(image, place(width, height, resize, crop))
        (report / name).write_bytes(encode_jpeg(_shrink(view)))
        return image_id, name

    chosen = _choose(tables.predictions, report)
    return {image_id: name for image_id, name in in_threads(draw, chosen) if name}


def stored_pictures(report: Path) -> dict[int, str]:
    """The pictures that other pages show, by image_id."""
    return {int(file.stem): f"images/{file.name}" for file in (report / "images").glob("*.jpg")}


def _choose(predictions: pd.DataFrame, report: Path) -> list[int]:
    left = predictions[~predictions["image_id"].isin(stored_pictures(report))]
    costly = left.sort_values(
        ["mistake", "loss", "image_id"], ascending=[False, False, True], na_position="last"
    )
    return sorted(int(image_id) for image_id in costly["image_id"].head(MOST_THUMBNAILS))


def _shrink(view: Pixels) -> Pixels:
    return cv2.resize(view, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.uint8)
