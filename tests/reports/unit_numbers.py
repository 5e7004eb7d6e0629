"""Made-up tables of units, consistent with each other and with a run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.tables import schemas, unit_schemas
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_table
from tests.reports.small_run import CROP, GRID

Row = dict[str, Any]

TARGET, EARLY = "layer4", "<i>early</i>"
CHANNELS, EARLY_CHANNELS, TOP = 12, 5, 9
DEAD = 7  # in every table; of the target layer
FIELD = {"start": [-4, -4], "size": [24, 24], "jump": [16, 16]}
DUPLICATE, FIRST = 3, 0  # of one label


def write(run_folder: Path) -> dict[str, list[Row]]:
    """As if the units of two layers of the run in this folder had been mined; the second sees
    everything. Returns: the rows that were written, by table."""
    run, rng = RunFolder(run_folder), np.random.default_rng(11)
    facts = run.audit()
    facts["model"]["unit_layers"] = [
        {"name": TARGET, "channels": CHANNELS, "rows": GRID, "cols": GRID}
        | {"receptive_field": FIELD},
        {"name": EARLY, "channels": EARLY_CHANNELS, "rows": 14, "cols": 14}
        | {"receptive_field": None},
    ]
    run.audit_file.write_text(json.dumps(facts))
    images = sorted(run.dataset("predictions").to_table().to_pylist(), key=lambda r: r["image_id"])
    labels = sorted({row["label"] for row in images if row["label"] >= 0})
    ranked = [row for unit in _units() for row in _ranked(rng, images, unit, [-1, *labels])]
    tables = {
        "units": ranked,
        "units_least": [row | {"activation": 0.5} for row in ranked if row["class_idx"] < 0],
        "unit_stats": [_stats(rng, *unit, bool(labels)) for unit in _units()],
        "layer_stats": [
            {"target_layer": TARGET, "units": CHANNELS, "images": 40, "dead_units": 1}
            | {"sparsity": 0.25},
            {"target_layer": EARLY, "units": EARLY_CHANNELS, "images": 40, "dead_units": 0}
            | {"sparsity": 0.1},
        ],
        "unit_classes": [
            _of_class(rng, *unit, class_idx) for class_idx in labels for unit in _units()
        ],
        "shared_units": [_shared(0, 1, 0, 2), _shared(0, 1, 1, 4), _shared(1, 0, 0, 2)]
        if labels
        else [],
        "driven_units": [_driven(3, 2, 1.5), _driven(1, 2, 2.5)] if labels else [],
        "near_duplicates": [{"image_id": DUPLICATE, "first_id": FIRST}],
    }
    for name, rows in tables.items():
        schema = getattr(unit_schemas, "UNITS" if name == "units_least" else name.upper())
        write_table(run.table_file(name), pa.Table.from_pylist(rows, schema=schema))
    tables["features"] = [_feature(rng, row) for row in images]
    correct = {row["image_id"] for row in images if row["correct"]}
    means = [_class_features(tables["features"], label, correct) for label in labels]
    means_table = pa.Table.from_pylist(means, schema=schemas.CLASS_FEATURES)
    write_table(run.table_file("class_features"), means_table)
    schema = schemas.features_schema(CHANNELS)
    for shard, half in enumerate((tables["features"][:17], tables["features"][17:])):
        write_table(run.table_file("features", shard), pa.Table.from_pylist(half, schema=schema))
    return tables


def _units() -> list[tuple[str, int]]:
    return [(TARGET, k) for k in range(CHANNELS)] + [(EARLY, k) for k in range(EARLY_CHANNELS)]


def _ranked(
    rng: np.random.Generator, images: list[Row], unit: tuple[str, int], classes: list[int]
) -> list[Row]:
    rows = []
    side = GRID if unit[0] == TARGET else 14
    for class_idx in classes:
        mine = [row["image_id"] for row in images if class_idx in (-1, row["label"])]
        chosen = rng.permutation([i for i in mine if i != DUPLICATE])[:TOP].tolist()
        for rank, image_id in enumerate(chosen):
            row, col = rng.integers(0, side, 2).tolist()
            rows.append(
                {"target_layer": unit[0], "unit": unit[1], "class_idx": class_idx, "rank": rank}
                | {"image_id": image_id, "activation": 9.0 - rank / 2, "row": row, "col": col}
                | _field(images[image_id], unit[0], row, col)
            )
    return rows


def _field(image: Row, layer: str, row: int, col: int) -> Row:
    """In pixels of an image whose shorter side was resized to 128 and cut to 112."""
    width, height = image["width"], image["height"]
    wide, high = (170, 128) if width == 200 else (128, 164)
    left, top = (29, 8) if width == 200 else (8, 26)
    box = (-4 + 16 * row, -4 + 16 * col, 20 + 16 * row, 20 + 16 * col)
    if layer == EARLY:
        box = (0, 0, CROP, CROP)
    up, near, down, far = (min(max(edge, 0), CROP) for edge in box)
    return {
        "rf_top": int((up + top) * height / high),
        "rf_left": int((near + left) * width / wide),
        "rf_bottom": int(np.ceil((down + top) * height / high)),
        "rf_right": int(np.ceil((far + left) * width / wide)),
    }


def _stats(rng: np.random.Generator, layer: str, unit: int, labelled: bool) -> Row:
    dead = layer == TARGET and unit == DEAD
    target = layer == TARGET
    peak = 0.0 if dead else float(rng.uniform(5, 9))
    quantiles = ("05", "25", "50", "75", "95")
    shares = np.linspace(0.1, 0.9, 5) * peak
    return {
        "target_layer": layer,
        "unit": unit,
        "images": 40,
        "mean": peak / 4 if target else None,
        "variance": 1.0 if target else None,
        **{
            f"quantile_{q}": float(s) / 2 if target else None
            for q, s in zip(quantiles, shares, strict=True)
        },
        "dead_share": 1.0 if dead else 0.2,
        "selectivity": float(rng.uniform(0, 1)) if target and labelled and not dead else None,
        "selective_class_idx": int(rng.integers(0, 3)) if target and labelled else -1,
        "peak_least": 0.0,
        **{f"peak_quantile_{q}": float(s) for q, s in zip(quantiles, shares, strict=True)},
        "peak_largest": peak,
        "silent_share": 1.0 if dead else 0.125,
        "dead": dead,
    }


def _of_class(rng: np.random.Generator, layer: str, unit: int, class_idx: int) -> Row:
    contribution = float(rng.uniform(-1, 3)) if layer == TARGET else None
    return {
        "target_layer": layer,
        "class_idx": class_idx,
        "unit": unit,
        "images": 13,
        "contribution": contribution,
        "mean": 3.0,
        "mean_difference": float(rng.uniform(-1, 1)),
        "auroc": float(rng.uniform(0, 1)),
        "auroc_error": 0.0125,
    }


def _shared(label: int, predicted: int, rank: int, unit: int) -> Row:
    return {
        "target_layer": TARGET, "label": label, "predicted": predicted, "images": 4, "rank": rank,
        "unit": unit, "label_auroc": 0.9 - label / 10, "predicted_auroc": 0.9 - predicted / 10,
    }  # fmt: skip


def _driven(predicted: int, unit: int, rise: float) -> Row:
    return {
        "target_layer": TARGET, "predicted": predicted, "rank": 0, "unit": unit, "mistakes": 3,
        "mean": 4.0, "expected": 1.0, "rise": rise,
    }  # fmt: skip


def _feature(rng: np.random.Generator, image: Row) -> Row:
    pooled = rng.uniform(0, 2, CHANNELS).astype(np.float16)
    if image["image_id"] == 12:
        pooled[0] = np.inf
    return {
        "image_id": image["image_id"],
        "label": image["label"],
        "target_layer": TARGET,
        "pooled": pooled.tolist(),
        "evidence": pooled.tolist(),
    }


def _class_features(features: list[Row], label: int, correct: set[int]) -> Row:
    mine = [
        row["pooled"] for row in features
        if row["label"] == label and row["image_id"] in correct and np.isfinite(row["pooled"]).all()
    ]  # fmt: skip
    return {"class_idx": label, "images": len(mine), "pooled": np.mean(mine, axis=0).tolist()}
