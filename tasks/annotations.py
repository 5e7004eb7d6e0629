"""Boxes and masks from a COCO json."""

import functools
import json
from typing import Any

import cv2
import fsspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.errors import AuditError
from tasks.manifest_files import file_state

_SIGN = ".json#"


def add_annotations(rows: pd.DataFrame, file: str, images: str) -> pd.DataFrame:
    """Fill `boxes` and `mask_uri` of the images that the COCO file names.

    An image is found by its `file_name`: the path relative to the images' folder, or else the
    last part of the path where that is unique. A mask's uri is FILE.json#IMAGE_ID.

    rows : columns uri, boxes, mask_uri, content_key; others are kept

    Raises: AuditError for a file that is no COCO json or that names none of the images.
    """
    content = _read(file)
    try:
        by_name = {image["file_name"]: image["id"] for image in content["images"]}
        annotations: dict[Any, list[dict[str, Any]]] = {}
        for annotation in content["annotations"]:
            annotations.setdefault(annotation["image_id"], []).append(annotation)
        found = [_find(uri, by_name) for uri in rows["uri"]]
        if not any(image_id is not None for image_id in found):
            raise AuditError(
                f"annotations {file} name none of the images in {images}; expected file_name to "
                f"be a path relative to it, got for example {next(iter(by_name), None)!r}"
            )
        rows = rows.copy()
        rows["boxes"] = [_boxes(annotations.get(i)) for i in found]
    except (KeyError, TypeError) as error:
        raise AuditError(f"annotations {file} are not COCO json: {error!r} is missing") from error
    with_mask = [i is not None and _has_masks(annotations.get(i)) for i in found]
    rows["mask_uri"] = [
        f"{file}#{i}" if has else given
        for i, has, given in zip(found, with_mask, rows["mask_uri"], strict=True)
    ]
    version = file_state(file)[1]
    rows["content_key"] = [
        f"{key}+{version}" if has else key
        for has, key in zip(with_mask, rows["content_key"], strict=True)
    ]
    return rows


def is_coco_mask(uri: str) -> bool:
    """Whether a mask's uri points into a COCO json."""
    return _SIGN in uri


def read_coco_mask(uri: str) -> npt.NDArray[np.bool_]:
    """The union of the segments of one image: polygons or uncompressed run lengths.

    uri : FILE.json#IMAGE_ID

    Returns: bool, shape (height, width), as the COCO file states them.

    Raises: ValueError for a segment of another kind.
    """
    file, image_id = uri.rsplit("#", 1)
    image, annotations = _by_image(file)[image_id]
    mask = np.zeros((image["height"], image["width"]), dtype=np.uint8)
    for annotation in annotations:
        segments = annotation.get("segmentation")
        if isinstance(segments, list):
            polygons = [np.round(np.reshape(s, (-1, 2))).astype(np.int32) for s in segments]
            cv2.fillPoly(mask, polygons, 1)
        elif isinstance(segments, dict) and isinstance(segments.get("counts"), list):
            mask |= _run_lengths(segments["counts"], mask.shape)
        elif segments:
            raise ValueError("compressed run lengths are not read; store polygons or plain counts")
    return mask.astype(bool)


def _run_lengths(counts: list[int], shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """COCO runs go down the columns, background first."""
    values = np.arange(len(counts)) % 2
    flat = np.repeat(values, counts).astype(np.uint8)
    return flat.reshape(shape[1], shape[0]).T


@functools.lru_cache(maxsize=2)
def _by_image(file: str) -> dict[str, tuple[dict[str, Any], list[dict[str, Any]]]]:
    content = _read(file)
    table: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
        str(image["id"]): (image, []) for image in content["images"]
    }
    for annotation in content["annotations"]:
        table[str(annotation["image_id"])][1].append(annotation)
    return table


def _read(file: str) -> dict[str, Any]:
    try:
        with fsspec.open(file, "rt", encoding="utf-8") as stream:
            content: dict[str, Any] = json.load(stream)
    except (OSError, ValueError) as error:
        raise AuditError(f"annotations {file} cannot be read as JSON: {error}") from error
    return content


def _find(uri: str, by_name: dict[str, Any]) -> Any:
    """Match the longest end of the uri that is a file_name."""
    parts = uri.split("/")
    for start in range(len(parts)):
        name = "/".join(parts[start:])
        if name in by_name:
            return by_name[name]
    return None


def _boxes(annotations: list[dict[str, Any]] | None) -> list[list[float]] | None:
    if not annotations:
        return None
    boxes = [a["bbox"] for a in annotations if a.get("bbox")]
    return [[left, top, left + width, top + height] for left, top, width, height in boxes]


def _has_masks(annotations: list[dict[str, Any]] | None) -> bool:
    return any(a.get("segmentation") for a in annotations or [])
