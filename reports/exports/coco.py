"""COCO json of audited images (cocodataset.org/#format-data)."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from reports.exports.true_boxes import read_boxes
from reports.site import dataset_name, model_name
from reports.tables import AuditTables
from tasks.tables.whole_files import atomic_path

Json = dict[str, Any]


def write_coco(tables: AuditTables, frame: pd.DataFrame, out: Path) -> None:
    """Images with all that the audit says of each (its key `camaudit`), the manifest's boxes as
    annotations, and as categories the model's classes, then other names of boxes.

    frame : of `image_table`
    """
    classes = [str(name) for name in tables.audit.get("classes") or []]
    boxes = read_boxes(tables, frame)
    place = {name: i for i, name in reversed(list(enumerate(classes)))}
    for own in boxes.values():
        for box in own:
            place.setdefault(box.name, len(place.keys() - set(classes)) + len(classes))
    names = {**dict(enumerate(classes)), **{i: n for n, i in place.items() if i >= len(classes)}}
    content = {
        "info": {"description": _described(tables)},
        "categories": [{"id": i, "name": name} for i, name in sorted(names.items())],
        "images": [_image(row) for row in frame.to_dict("records")],
        "annotations": _annotations(boxes, place),
    }
    with atomic_path(out) as temporary:
        temporary.write_text(json.dumps(content, ensure_ascii=False, allow_nan=False))


def said_of(row: Json) -> Json:
    """All that the audit says of an image, without what is not known.

    row : of `image_table`
    """
    left_out = ("image_id", "uri", "width", "height")
    said = {key: value for key, value in row.items() if key not in left_out}
    return {key: value for key, value in said.items() if isinstance(value, list) or _known(value)}


def _known(value: Any) -> bool:
    return not pd.isna(value)


def _image(row: Json) -> Json:
    place = {"id": row["image_id"], "file_name": row["uri"]}
    return {**place, "width": row["width"], "height": row["height"], "camaudit": said_of(row)}


def _annotations(boxes: dict[int, list[Any]], place: dict[str, int]) -> list[Json]:
    found: list[Json] = []
    for image_id, own in sorted(boxes.items()):
        for box in own:
            width, height = box.right - box.left, box.bottom - box.top
            found.append(
                {
                    "id": len(found) + 1,
                    "image_id": image_id,
                    "category_id": place[box.name],
                    "bbox": [box.left, box.top, width, height],
                    "area": width * height,
                    "iscrowd": 0,
                }
            )
    return found


def _described(tables: AuditTables) -> str:
    dataset = dataset_name(tables.audit.get("config") or {})
    return f"{model_name(tables.audit)} audited on {dataset} by camaudit"
