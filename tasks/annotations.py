"""Boxes and masks from a COCO json."""

import functools
import json
from typing import Any

import fsspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.errors import AuditError
from tasks.manifest_files import file_state

_SIGN = ".json#"
_LARGEST_SIDE = 2**15


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
        _refuse_shared(found, rows["uri"], file, images)
        boxes = [_boxes(annotations.get(i)) for i in found]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AuditError(f"annotations {file} are not COCO json: {error!r}") from error
    given_boxes = zip(boxes, rows["boxes"], strict=True)
    rows["boxes"] = pd.Series([new or old for new, old in given_boxes], dtype=object)
    with_mask = [i is not None and _has_masks(annotations.get(i)) for i in found]
    masks = [
        f"{file}#{i}" if has else given
        for i, has, given in zip(found, with_mask, rows["mask_uri"], strict=True)
    ]
    rows["mask_uri"] = pd.Series(masks, dtype=object)
    version = file_state(file)[1]
    rows["content_key"] = [
        f"{key}+{version}" if has else key
        for has, key in zip(with_mask, rows["content_key"], strict=True)
    ]
    return rows


def _refuse_shared(found: list[Any], uris: pd.Series, file: str, images: str) -> None:
    """A bare name that fits two images leads to neither."""
    first: dict[Any, str] = {}
    for image_id, uri in zip(found, uris, strict=True):
        if image_id is not None and first.setdefault(image_id, uri) != uri:
            raise AuditError(
                f"annotations {file}: one file_name fits {first[image_id]} and {uri}; expected "
                f"a path relative to {images} that fits one image"
            )


def is_coco_mask(uri: str) -> bool:
    """Whether a mask's uri points into a COCO json."""
    return _SIGN in uri


def read_coco_mask(uri: str) -> npt.NDArray[np.bool_]:
    """The union of the segments of one image: polygons or uncompressed run lengths.

    uri : FILE.json#IMAGE_ID

    Returns: bool, shape (height, width), as the COCO file states them.

    Raises: ValueError for a segment or a size of another kind.
    """
    file, image_id = uri.rsplit("#", 1)
    image, annotations = _by_image(file, file_state(file)[1])[image_id]
    height: Any = image.get("height")
    width: Any = image.get("width")
    if not (_is_side(height) and _is_side(width)):
        raise ValueError(f"the mask has height {height!r} and width {width!r}")
    mask = np.zeros((height, width), dtype=bool)
    for annotation in annotations:
        segments = annotation.get("segmentation")
        if isinstance(segments, list):
            for polygon in segments:
                mask |= _polygon(polygon, mask.shape)
        elif isinstance(segments, dict) and isinstance(segments.get("counts"), list):
            mask |= _run_lengths(segments["counts"], mask.shape)
        elif segments:
            raise ValueError("compressed run lengths are not read; store polygons or plain counts")
    return mask


def _is_side(value: Any) -> bool:
    return isinstance(value, int) and 0 < value <= _LARGEST_SIDE


def _polygon(edges: list[float], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """The pixels whose centres lie in the polygon, by the even-odd rule."""
    try:
        points = np.array(edges, dtype=np.float64).reshape(-1, 2) - 0.5
    except TypeError as error:
        raise ValueError(f"a polygon holds more than numbers: {error}") from error
    if len(points) < 3 or not np.isfinite(points).all():
        raise ValueError("a polygon needs three points of finite numbers")
    height, width = shape
    crossed = np.zeros((height, width + 1), dtype=bool)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        top, bottom = np.clip(np.ceil(sorted((y0, y1))), 0, height).astype(int)
        row = np.arange(top, bottom)
        x = x0 + (row - y0) * (x1 - x0) / (y1 - y0)
        crossed[row, np.clip(np.ceil(x), 0, width).astype(int)] ^= True
    return np.logical_xor.accumulate(crossed, axis=1)[:, :width]


def _run_lengths(counts: list[int], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """COCO runs go down the columns, background first."""
    if not all(isinstance(run, int) and run >= 0 for run in counts):
        raise ValueError("run lengths are not whole numbers from 0")
    if sum(counts) != shape[0] * shape[1]:
        raise ValueError(f"run lengths of {sum(counts)} pixels in a mask of {shape[0] * shape[1]}")
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape(shape[1], shape[0]).T


@functools.lru_cache(maxsize=2)
def _by_image(file: str, _state: str) -> dict[str, tuple[dict[str, Any], list[dict[str, Any]]]]:
    content = _read(file)
    table: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
        str(image["id"]): (image, []) for image in content["images"]
    }
    for annotation in content["annotations"]:
        if str(annotation["image_id"]) in table:
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
    return [
        [left, top, left + width, top + height]
        for left, top, width, height in (map(float, box) for box in boxes)
    ]


def _has_masks(annotations: list[dict[str, Any]] | None) -> bool:
    return any(a.get("segmentation") for a in annotations or [])
