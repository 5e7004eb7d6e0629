"""Boxes, their names and masks of a manifest from a COCO json."""

from typing import Any

import pandas as pd

from tasks.errors import AuditError
from tasks.images.coco_masks import category_names, read_coco
from tasks.images.file_state import file_state


def add_annotations(rows: pd.DataFrame, file: str, images: str) -> pd.DataFrame:
    """Fill `boxes`, `box_names` and `mask_uri` of the images that the COCO file names.

    An image is found by its `file_name`: the path relative to the images' folder, or else the
    last part of the path where that is unique. A mask's uri is FILE.json#IMAGE_ID.
    A box is named by its category; one whose category the file does not name has no name.

    rows : columns uri, boxes, box_names, mask_uri, content_key; others are kept

    Raises: AuditError for a file that is no COCO json or that names none of the images.
    """
    content = read_coco(file)
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
        categories = category_names(content)
        names = [_names(annotations.get(i), categories) for i in found]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AuditError(f"annotations {file} are not COCO json: {error!r}") from error
    rows = _with_boxes(rows, boxes, names)
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


def _with_boxes(rows: pd.DataFrame, boxes: list[Any], names: list[Any]) -> pd.DataFrame:
    """Boxes and their names together: those of the manifest stay where there are no others."""
    given = zip(boxes, names, rows["boxes"], rows["box_names"], strict=True)
    chosen = [new if new[0] else old for new, old in ((each[:2], each[2:]) for each in given)]
    for column, values in zip(("boxes", "box_names"), zip(*chosen, strict=True), strict=True):
        rows[column] = pd.Series(values, dtype=object)
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


def _names(
    annotations: list[dict[str, Any]] | None, categories: dict[Any, str]
) -> list[str | None] | None:
    """One for each box; None where no box has one."""
    names = [categories.get(a.get("category_id")) for a in annotations or [] if a.get("bbox")]
    return names if any(names) else None


def _has_masks(annotations: list[dict[str, Any]] | None) -> bool:
    return any(a.get("segmentation") for a in annotations or [])
