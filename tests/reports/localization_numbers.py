"""Made-up tables of localisation, consistent with each other and with a run."""

import math
from pathlib import Path
from typing import Any

import pyarrow as pa

from tasks.tables import localization_schemas as schemas
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_table
from tests.reference import wilson

Row = dict[str, Any]

ERRORS = ("top_1_error", "top_5_error")
THRESHOLDS = {"max_box_acc": 0.25, "box_acc_30": 0.4, "box_acc_50": 0.251, "box_acc_70": 0.1}
WITHOUT_BOX = 9  # its map has no positive value


def write(run_folder: Path, empty: bool = False, centre: float = 0.25) -> dict[str, list[Row]]:
    """As if the run in this folder had been asked where its objects are.

    empty : without boxes, masks and labels
    centre : share of images that the centre map finds

    Returns: the rows that were written, by table.
    """
    run = RunFolder(run_folder)
    rows = [] if empty else _images(run)
    tables = {
        "localization": rows,
        "localization_stats": _stats(run.audit()["classes"], rows, centre),
        "localization_curves": _curves(len(rows)),
    }
    for name, content in tables.items():
        table = pa.Table.from_pylist(content, getattr(schemas, name.upper()))
        write_table(run.table_file(name, 0 if name == "localization" else None), table)
    return tables


def _images(run: RunFolder) -> list[Row]:
    manifest = run.dataset("manifest").to_table().to_pylist()
    predictions = {r["image_id"]: r for r in run.dataset("predictions").to_table().to_pylist()}
    rows = []
    for given in sorted(manifest, key=lambda row: row["image_id"]):
        image_id, found = given["image_id"], predictions[given["image_id"]]
        if not (given["boxes"] or given["mask_uri"]) or found["label"] < 0:
            continue
        iou = 0.0 if image_id == WITHOUT_BOX else (image_id * 7 % 40) / 40
        box = (40 + image_id, 50, 90 + image_id, 110)
        sides = dict.fromkeys(("box_top", "box_left", "box_bottom", "box_right"))
        if image_id != WITHOUT_BOX:
            sides = dict(zip(sides, box, strict=True))
        centre = (image_id * 3 % 10) / 10
        rows.append(
            {
                "image_id": image_id,
                "label": found["label"],
                "object_source": "mask" if given["mask_uri"] else "box",
                "correct": found["correct"],
                "in_top_5": True,
                **sides,
                "iou": iou,
                "centre_iou": centre,
                "hit": iou >= 0.5,
                "centre_hit": centre >= 0.5,
                **{f"{name}_hits": [False] * 765 for name in ("largest", "any", "centre")},
            }
        )
    return rows


def _stats(names: list[str], rows: list[Row], centre: float) -> list[Row]:
    found = []
    for class_idx in (-1, *sorted({row["label"] for row in rows})) if rows else ():
        own = [row for row in rows if class_idx in (-1, row["label"])]
        for place, figure in enumerate(schemas.FIGURES):
            hits = round((0.8 - 0.05 * place) * len(own))
            row = _figure(figure, hits, round(centre * len(own)), len(own))
            name = None if class_idx < 0 else names[class_idx]
            found.append({"class_idx": class_idx, "name": name, **row})
    return found


def _figure(figure: str, hits: int, centre: int, images: int) -> Row:
    value, baseline = hits / images, centre / images
    low, high = wilson(hits, images)
    centre_low, centre_high = wilson(centre, images)
    threshold = THRESHOLDS.get(figure)
    row = {
        "figure": figure,
        "images": images,
        "threshold": threshold,
        "value": value,
        "low": low,
        "high": high,
        "centre_threshold": threshold and threshold + 0.05,
        "centre": baseline,
        "centre_low": centre_low,
        "centre_high": centre_high,
        "difference": value - baseline,
        "difference_low": value - baseline - 0.1,
        "difference_high": value - baseline + 0.1,
    }
    if figure == "pxap":
        bounds = [key for key in row if key.endswith(("low", "high"))]
        row |= dict.fromkeys(bounds)
    return row


def _curves(images: int) -> list[Row]:
    return [
        {
            "map": of_map,
            "contours": contours,
            "iou": iou,
            "threshold": level / 255,
            "hits": round(images * height * math.sin(math.pi * level / 255) * (1.1 - iou)),
            "images": images,
        }
        for of_map, contours, height in (
            ("label", "largest", 0.9),
            ("label", "any", 1.0),
            ("centre", "largest", 0.6),
        )
        for iou in (0.3, 0.5, 0.7)
        for level in range(255)
        if images
    ]
