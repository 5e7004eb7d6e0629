"""A FiftyOne dataset on disk: images where they are, with classifications, boxes and heatmaps.

FiftyOne reads the folder with `Dataset.from_dir(..., dataset_type=fo.types.FiftyOneDataset)`. It is
written in the format that FiftyOne had before 0.8 and still reads: plain JSON, with no database.
"""

import importlib.metadata
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from reports.colour_scale import choose_scales
from reports.colours import Map
from reports.exports.coco import said_of
from reports.exports.true_boxes import TrueBox, read_boxes
from reports.folder_swap import replaced_folder
from reports.site import model_name
from reports.stored_maps import fetch_maps
from reports.tables import AuditTables
from reports.views.view_folder import refuse_other_folder
from tasks.images.geometry import place
from tasks.runs.own_files import VIEW_FILE
from tasks.tables.whole_files import write_json

ROLES = ("predicted", "label")
SIDE = 128  # of a heatmap's longer side, pixels
_IMAGES_AT_ONCE = 1024

Json = dict[str, Any]


def write_fiftyone(tables: AuditTables, frame: pd.DataFrame, out: Path) -> None:
    """Write the dataset's folder, which appears whole; heatmaps lie over the whole image, dark
    where the model did not look, on one scale for all images of the audit.

    frame : of `image_table`

    Raises: AuditError where `out` holds anything but an earlier view.
    """
    refuse_other_folder(out)
    version = importlib.metadata.version("camaudit")
    limit = choose_scales(tables).positive.limit
    boxes = read_boxes(tables, frame)
    name = f"Audit of {model_name(tables.audit)}"
    with replaced_folder(out.resolve()) as folder:
        samples = [
            _sample(row, boxes.get(row["image_id"]), _write_heatmaps(row, maps, limit, folder))
            for row, maps in _with_maps(tables, frame)
        ]
        metadata = {"name": name, "media_type": "image", "info": {"map_limit": limit}}
        for file, content in (("metadata", metadata), ("samples", {"samples": samples})):
            text = json.dumps(content, ensure_ascii=False, allow_nan=False)
            (folder / f"{file}.json").write_text(text, encoding="utf-8")
        write_json(folder / VIEW_FILE, {"camaudit": version, "kind": "fiftyone", "title": name})


def _with_maps(tables: AuditTables, frame: pd.DataFrame) -> Iterator[tuple[Json, dict[str, Map]]]:
    resize, crop = tables.crop
    for start in range(0, len(frame), _IMAGES_AT_ONCE):
        rows = frame.iloc[start : start + _IMAGES_AT_ONCE].to_dict("records")
        wanted = {(row["image_id"], role) for row in rows for role in ROLES}
        maps = fetch_maps(tables.run, wanted)
        for row in rows:
            found = {r: maps[row["image_id"], r] for r in ROLES if (row["image_id"], r) in maps}
            size = row["width"], row["height"]
            yield row, {role: over_image(found[role], *size, resize, crop) for role in found}


def over_image(cells: Map, width: int, height: int, resize: int, crop: int) -> Map:
    """A map over its whole image, 0 outside of what the model saw.

    cells : float32, shape (rows, cols); width, height : of the image, pixels
    resize, crop : shorter side after the resize and side of the crop, pixels

    Returns: float32, longer side SIDE pixels.
    """
    view = place(width, height, resize, crop)
    scale = SIDE / max(view.resized_width, view.resized_height)
    across, down = (max(1, round(scale * s)) for s in (view.resized_width, view.resized_height))
    canvas = np.zeros((down, across), dtype=np.float32)
    left, top = round(scale * view.left), round(scale * view.top)
    right, bottom = round(scale * (view.left + crop)), round(scale * (view.top + crop))
    size = max(1, right - left), max(1, bottom - top)
    drawn = cv2.resize(cells.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    inside = canvas[max(top, 0) : bottom, max(left, 0) : right]
    inside[:] = drawn[max(-top, 0) :, max(-left, 0) :][: inside.shape[0], : inside.shape[1]]
    return canvas


def _write_heatmaps(row: Json, maps: dict[str, Map], limit: float, folder: Path) -> dict[str, str]:
    files = {}
    for role, values in maps.items():
        name = f"fields/evidence_{role}/{row['image_id']:08d}.png"
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        grey = np.round(255 * np.clip(values / limit, 0, 1)).astype(np.uint8)
        file.write_bytes(cv2.imencode(".png", grey)[1].tobytes())
        files[role] = name
    return files


def _sample(row: Json, boxes: list[TrueBox] | None, heatmaps: dict[str, str]) -> Json:
    said = said_of(row)
    size = row["width"], row["height"]
    sample: Json = {
        "filepath": row["uri"],
        "tags": ["unlabelled" if "correct" not in said else
                 "right" if said["correct"] else "mistake"],
        "metadata": {"_cls": "ImageMetadata", "width": size[0], "height": size[1]},
        "prediction": {"_cls": "Classification", "label": row["predicted_name"],
                       "confidence": said.get("probability")},
    }  # fmt: skip
    if "label_name" in said:
        sample["ground_truth"] = {"_cls": "Classification", "label": said["label_name"]}
    if boxes is not None:
        sample["objects"] = {"_cls": "Detections", "detections": [_box(b, *size) for b in boxes]}
    for role, file in heatmaps.items():
        sample[f"evidence_{role}"] = {"_cls": "Heatmap", "map_path": file, "range": [0, 255]}
    taken = ("label", "label_name", "predicted", "predicted_name", "probability", "contexts")
    sample |= {k.replace("tag.", "tag_"): v for k, v in said.items() if k not in taken}
    if said.get("contexts"):
        sample["contexts"] = said["contexts"]
    return sample | {"image_id": row["image_id"]}


def _box(box: TrueBox, width: int, height: int) -> Json:
    size = (box.right - box.left) / width, (box.bottom - box.top) / height
    edges = [box.left / width, box.top / height, *size]
    return {"_cls": "Detection", "label": box.name, "bounding_box": edges}
