"""Crops of source images: each image is decoded once, and all its crops are cut together."""

import base64
from dataclasses import dataclass
from pathlib import Path

import cv2
import pyarrow.compute as pc

from reports.model_view import encode_jpeg
from reports.patterns.unit_layers import Box
from reports.threads import in_threads
from tasks.images.decoding import ImageSource, Pixels, UnreadableImage, decode_image
from tasks.tables.storage import RunFolder

SIDE = 128  # pixels of a crop as it is stored

Cut = tuple[int, Box]  # image_id, and where in the image


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
) -> dict[Cut, DrawnCrop]:
    """Draw crops; each image is decoded once.

    on_pages : what pages hold themselves: thousands of small files take longer than their pictures
    in_files : what a script loads, as crops/<number>.jpg in `folder`, in the order of image_id
    """
    if in_files:
        (folder / "crops").mkdir(parents=True, exist_ok=True)
    numbers = {cut: number for number, cut in enumerate(sorted(in_files))}
    boxes: dict[int, list[Box]] = {}
    for image_id, box in sorted(on_pages | in_files):
        boxes.setdefault(image_id, []).append(box)
    uris = _uris(run, list(boxes))
    source = ImageSource()

    def draw(image_id: int) -> dict[Cut, DrawnCrop]:
        uri = uris[image_id]
        name = uri.replace("\\", "/").rsplit("/", 1)[-1]
        cuts = [(image_id, box) for box in boxes[image_id]]
        try:
            image = decode_image(source.read(uri))
        except UnreadableImage as error:
            return {cut: DrawnCrop("", str(error), -1, name, uri) for cut in cuts}
        drawn = {}
        for cut in cuts:
            content, number = encode_jpeg(cut_square(image, cut[1])), numbers.get(cut, -1)
            if number >= 0:
                (folder / "crops" / f"{number}.jpg").write_bytes(content)
            data = _data_url(content) if cut in on_pages else ""
            drawn[cut] = DrawnCrop(data, "", number, name, uri)
        return drawn

    crops: dict[Cut, DrawnCrop] = {}
    for drawn in in_threads(draw, boxes):
        crops |= drawn
    return crops


def _data_url(content: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"


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
