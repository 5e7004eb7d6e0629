"""A small but real run folder: drawn photographs and tables by the schemas."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from tasks.statistics.intervals import wilson_interval
from tasks.tables import schemas
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_table
from tests.reports.image_numbers import write_images

CLASSES = ["apple", '<script>alert(1)</script> & "quotes"', "pear", "quince"]
IMAGES = 40
RESIZE, CROP, GRID = 128, 112, 7
UNREADABLE, EMPTY, NOT_FINITE, PLATEAU, WITHOUT_MASK = 38, 8, 11, 0, 5
NAMES = {1: "two words 図 é.jpg", 2: "<b onclick='x'>&amp;.jpg", 3: "100% #1?.jpg"}


@dataclass(frozen=True)
class SmallRun:
    """folder : the run
    rows : what was written, by table
    """

    folder: Path
    rows: dict[str, list[dict[str, Any]]]


def write_small_run(root: Path, labelled: bool = True, mistakes: bool = True) -> SmallRun:
    """40 images of 4 classes in two shards; the last two of 42 could not be audited."""
    rng = np.random.default_rng(7)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in ("manifest", "predictions")}
    rows |= {"heatmaps": [], "failures": []}
    for image_id in range(IMAGES):
        label = image_id % 3 if labelled else -1
        wrong = labelled and mistakes and image_id % 4 == 1
        predicted = (label + 1 + image_id % 2) % 4 if wrong else image_id % 3
        centre = rng.uniform(0.35, 0.65, 2)
        rows["manifest"].append(_draw_image(root / "images", image_id, label, centre))
        rows["predictions"].append(_prediction(rng, image_id, label, predicted))
        rows["heatmaps"] += _maps(rng, image_id, label, predicted, centre)
    for image_id, stage in ((WITHOUT_MASK, "mask"), (IMAGES, "read"), (IMAGES + 1, "decode")):
        uri = f"/gone/<{image_id}>.jpg"
        rows["failures"].append(
            {"image_id": image_id, "uri": uri, "stage": stage, "error": f"no <{stage}> & so on"}
        )
    rows["class_stats"] = [_class_stats(rows, class_idx) for class_idx in range(len(CLASSES))]
    rows["confusions"] = _confusions(rows["predictions"])
    run = SmallRun(root / "run", rows)
    _write(run)
    return run


def _draw_image(folder: Path, image_id: int, label: int, centre: np.ndarray) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    width, height = (200, 150) if image_id % 2 else (140, 180)
    down, across = np.mgrid[0:height, 0:width] / max(width, height)
    image = np.stack([90 + 80 * across, 120 + 60 * down, 150 - 60 * across], axis=-1)
    image = np.ascontiguousarray(image, dtype=np.uint8)
    middle = (round(centre[1] * width), round(centre[0] * height))
    colour = [(60, 60, 220), (70, 200, 90), (60, 180, 230)][image_id % 3]
    cv2.circle(image, middle, 30, colour, -1, cv2.LINE_AA)
    file = folder / NAMES.get(image_id, f"{image_id:03d}.jpg")
    file.write_bytes(cv2.imencode(".jpg", image)[1].tobytes())
    mask_file = folder / f"mask-{image_id}.png"
    mask = cv2.circle(np.zeros((height, width), np.uint8), middle, 30, 255, -1)
    mask_file.write_bytes(cv2.imencode(".png", mask)[1].tobytes())
    x, y = middle
    return {
        "image_id": image_id,
        "uri": str(file),
        "label": label,
        "mask_uri": str(mask_file) if image_id % 3 == 0 else None,
        "boxes": [[x - 30.0, y - 30.0, x + 30.0, y + 30.0]] if image_id % 3 == 1 else None,
        "mask_name": None,
        "box_names": None,
        "split": None,
        "tags": None,
        "size": file.stat().st_size,
        "content_key": str(image_id),
    }


def _prediction(
    rng: np.random.Generator, image_id: int, label: int, predicted: int
) -> dict[str, Any]:
    right = label == predicted
    probability = float(rng.uniform(0.5, 0.99))
    of_label = probability if right else float(rng.uniform(0.01, 1 - probability))
    known = label >= 0
    width, height = (200, 150) if image_id % 2 else (140, 180)
    return {
        "image_id": image_id,
        "label": label,
        "predicted": predicted,
        "correct": right if known else None,
        "probability": probability,
        "label_probability": of_label if known else None,
        "margin": float(rng.uniform(0.5, 6)) * (1 if right or not known else -1),
        "loss": float(-np.log(of_label)) if known else None,
        "top_k_class": [predicted, (predicted + 1) % 4],
        "top_k_logit": [5.0, 1.0],
        "width": width,
        "height": height,
    }


def _maps(
    rng: np.random.Generator, image_id: int, label: int, predicted: int, centre: np.ndarray
) -> list[dict[str, Any]]:
    cells = (np.mgrid[0:GRID, 0:GRID] + 0.5) / GRID
    blob = np.exp(-((cells - centre[:, None, None]) ** 2).sum(axis=0) / 0.03)
    raw = blob * rng.uniform(2, 6)
    if image_id == PLATEAU:
        raw = np.zeros((GRID, GRID))
        raw[2:5, 2:5] = 3.0
    against = label if label >= 0 and label != predicted else (predicted + 1) % 4
    other = np.roll(raw, (2, -2), axis=(0, 1)) * 0.8
    by_role = {"predicted": (raw, predicted), "contrast": (raw - other, predicted)}
    if label >= 0:
        by_role["label"] = (raw if label == predicted else other, label)
    if label in (-1, predicted):
        by_role["runner_up"] = (other, against)
    return [
        _map_row(image_id, role, class_idx, against if role == "contrast" else -1, grid)
        for role, (grid, class_idx) in by_role.items()
    ]


def _map_row(
    image_id: int, role: str, class_idx: int, against: int, raw: np.ndarray
) -> dict[str, Any]:
    state = {EMPTY: "empty", NOT_FINITE: "not_finite"}.get(image_id, "ok")
    scale = float(np.abs(raw).max()) if state == "ok" else 0.0
    heatmap = raw / scale if state == "ok" else np.zeros_like(raw)
    masked = state == "ok" and image_id % 3 != 2 and image_id != WITHOUT_MASK
    energy = float((image_id % 10) / 10) if masked else None
    return {
        "image_id": image_id,
        "role": role,
        "class_idx": class_idx,
        "against_idx": against,
        "method": "gradcam++",
        "target": "logit",
        "target_layer": "layer4",
        "heatmap": heatmap.astype(np.float16).ravel().tolist(),
        "rows": GRID,
        "cols": GRID,
        "scale": scale,
        "state": state,
        "object_energy": energy,
        "lift": energy / 0.2 if energy is not None else None,
        "pointing_hit": image_id % 4 == 0 if masked else None,
        "border_share": 0.25 if state == "ok" else None,
        "centroid_row": None,
        "centroid_col": None,
        "spread": None,
        "entropy": None,
    }


def _class_stats(rows: dict[str, list[dict[str, Any]]], class_idx: int) -> dict[str, Any]:
    mine = [row for row in rows["predictions"] if row["label"] == class_idx]
    ids = {row["image_id"] for row in mine}
    maps = [r for r in rows["heatmaps"] if r["role"] == "label" and r["image_id"] in ids]
    masked = [row for row in maps if row["object_energy"] is not None]
    right = {row["image_id"] for row in mine if row["correct"]}
    finite = [row for row in maps if row["state"] != "not_finite"]
    correct = sum(bool(row["correct"]) for row in mine)
    low, high = wilson_interval(correct, len(mine))
    energies = [row["object_energy"] for row in masked]
    known = [row for row in rows["predictions"] if row["label"] >= 0]
    return {
        "class_idx": class_idx,
        "name": CLASSES[class_idx],
        "images": len(mine),
        "correct": correct,
        "accuracy": correct / len(mine) if mine else None,
        "accuracy_low": float(low) if mine else None,
        "accuracy_high": float(high) if mine else None,
        "predicted_images": sum(row["predicted"] == class_idx for row in known),
        "mean_label_probability": _mean([row["label_probability"] for row in mine]),
        "masked_images": len(masked),
        "object_energy": _mean(energies),
        "object_energy_low": _mean(energies) - 0.1 if energies else None,
        "object_energy_high": _mean(energies) + 0.1 if energies else None,
        "object_area": 0.1 + 0.05 * class_idx if masked else None,
        "pointing_hits": sum(row["pointing_hit"] for row in masked),
        "empty_maps": sum(row["state"] == "empty" for row in maps),
        "mean_map_images": len(finite),
        "mean_map": _mean_map(finite),
        "correct_map_images": sum(row["image_id"] in right for row in finite),
        "correct_map": _mean_map([row for row in finite if row["image_id"] in right]),
        "mistake_map": _mean_map([row for row in finite if row["image_id"] not in right]),
        "map_rows": GRID,
        "map_cols": GRID,
    }


def _mean_map(maps: list[dict[str, Any]]) -> Any:
    raws = [np.array(row["heatmap"]) * row["scale"] for row in maps]
    return np.mean(raws, axis=0).tolist() if raws else None


def _mean(values: list[float]) -> Any:
    return float(np.mean(values)) if values else None


def _confusions(predictions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    counts: dict[tuple[int, int], int] = {}
    for row in predictions:
        if row["label"] >= 0:
            key = (row["label"], row["predicted"])
            counts[key] = counts.get(key, 0) + 1
    return [{"label": a, "predicted": b, "images": n} for (a, b), n in sorted(counts.items())]


def _write(run: SmallRun) -> None:
    folder = RunFolder(run.folder)
    table_schemas = {
        "manifest": schemas.MANIFEST,
        "predictions": schemas.PREDICTIONS,
        "heatmaps": schemas.heatmaps_schema(GRID * GRID),
        "failures": schemas.FAILURES,
    }
    for name, schema in table_schemas.items():
        first = [row for row in run.rows[name] if row["image_id"] < IMAGES // 2]
        rest = [row for row in run.rows[name] if row["image_id"] >= IMAGES // 2]
        for shard, rows in enumerate((first, rest)):
            write_table(folder.table_file(name, shard), pa.Table.from_pylist(rows, schema=schema))
    for name, schema in (
        ("class_stats", schemas.CLASS_STATS),
        ("confusions", schemas.CONFUSIONS),
    ):
        table = pa.Table.from_pylist(run.rows[name], schema=schema)
        write_table(folder.table_file(name), table)
    audit = {
        "schema_version": schemas.SCHEMA_VERSION,
        "camaudit": "0.1.0",
        "config": {
            "title": "Fruit <audit>",
            "note": "Synthetic & small.",
            "images": "/data/fruit",
            "model": "torchvision:resnet18",
            "method": "gradcam++",
            "exact": False,
        },
        "model": {"name": "resnet18", "num_classes": 4, "parameters": 11_689_512}
        | {"target_layer": "layer4", "channels": 512, "rows": GRID, "cols": GRID}
        | {"closed_form": True, "digest": "0123abcd"},
        "preprocessing": {"resize": RESIZE, "crop": CROP, "mean": [0.5] * 3, "std": [0.25] * 3}
        | {"interpolation": "bilinear"},
        "classes": CLASSES,
        "images": IMAGES + 2,
        "shards": 2,
    }
    folder.audit_file.write_text(json.dumps(audit))
    first_pass = {"finished": "2026-01-02T03:04:05+00:00", "seconds": 12.5, "images": 42}
    first_pass |= {"images_per_second": 3.36, "workers": 2}
    folder.first_pass_file.write_text(json.dumps(first_pass))
    write_images(folder)
