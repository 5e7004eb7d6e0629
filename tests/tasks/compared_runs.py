"""Run folders written by hand, small enough to work out what differs between two of them."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.localization.one_contour import LEVELS
from tasks.tables import background_schemas as background
from tasks.tables import schemas, unit_schemas
from tasks.tables.localization_schemas import LEVEL_HITS, LOCALIZATION
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_json, write_table

CLASSES = ["ant", "bee", "cat"]
GRID = (4, 4)
UNITS = 4
LAYER = "layer4"

Row = dict[str, Any]


def image(uri: str, label: int, predicted: int, **facts: Any) -> Row:
    """One audited image.

    facts : energy, score, hit (bool), map (rows, cols; for all roles), tags, size, content_key,
        pooled (UNITS numbers), probability, contexts (numbers of clusters), and columns of
        VERDICT_TABLE for one that was tested
    """
    return {"uri": uri, "label": label, "predicted": predicted, **facts}


def write_run(
    root: Path,
    images: Sequence[Row],
    *,
    classes: Sequence[str] = CLASSES,
    findings: Sequence[Row] = (),
    failures: int = 0,
    units: Mapping[str, Any] | None = None,
    audit: Mapping[str, Any] | None = None,
) -> RunFolder:
    """units : dead (numbers of units), top (by unit: rows of `images`)"""
    run = RunFolder(root)
    write_json(run.audit_file, _audit(root, classes, len(images)) | dict(audit or {}))
    numbered = list(enumerate(images))
    _write(run, "manifest", schemas.MANIFEST, numbered, _manifest)
    _write(run, "predictions", schemas.PREDICTIONS, numbered, _prediction)
    _write(run, "background", background.BACKGROUND, numbered, _background)
    _write(run, "verdicts", background.VERDICT_TABLE, numbered, _verdict)
    _write(run, "localization", LOCALIZATION, [e for e in numbered if "hit" in e[1]], _location)
    _write(run, "cluster_members", background.CLUSTER_MEMBERS, numbered, _members)
    heatmaps = [row for number, row in numbered for row in _maps(number, row)]
    cells = len(np.ravel(images[0].get("map", np.zeros(GRID)))) if images else 16
    _table(run, "heatmaps", schemas.heatmaps_schema(cells), heatmaps)
    rows = [_finding(rank, row) for rank, row in enumerate(findings)]
    _table(run, "findings", background.FINDINGS, rows)
    lost = [{"image_id": len(images) + i, "uri": f"/lost/{i}.png", "stage": "read", "error": "no"}
            for i in range(failures)]  # fmt: skip
    _table(run, "failures", schemas.FAILURES, lost)
    _units(run, images, units or {})
    write_json(run.complete_file, {"shard_keys": str(root), "second_pass": 0.4})
    return run


def rows_of(table: pa.Table, **wanted: Any) -> list[Row]:
    """The rows whose columns have these values."""
    return [r for r in table.to_pylist() if all(r[name] == value for name, value in wanted.items())]


def _audit(root: Path, classes: Sequence[str], images: int) -> Row:
    return {
        "schema_version": schemas.SCHEMA_VERSION, "camaudit": "0.1.0", "classes": list(classes),
        "config": {"images": "/data/images", "method": "gradcam++", "title": root.name},
        "model": {"name": f"model of {root.name}", "target_layer": LAYER, "num_classes": 3},
        "preprocessing": {"resize": 32, "crop": 32, "interpolation": "bilinear"},
        "images": images, "shards": 1,
    }  # fmt: skip


def _write(
    run: RunFolder, name: str, schema: pa.Schema, images: Sequence[tuple[int, Row]],
    row_of: Callable[[int, Row], Row],
) -> None:  # fmt: skip
    _table(run, name, schema, [row_of(number, row) for number, row in images])


def _table(run: RunFolder, name: str, schema: pa.Schema, rows: list[Row]) -> None:
    whole = [dict.fromkeys(schema.names) | row for row in rows]
    write_table(run.table_file(name), pa.Table.from_pylist(whole, schema))


def _manifest(number: int, row: Row) -> Row:
    return {
        "image_id": number, "uri": row["uri"], "label": row["label"], "tags": row.get("tags"),
        "size": row.get("size", 10), "content_key": row.get("content_key", "10-1.0"),
    }  # fmt: skip


def _prediction(number: int, row: Row) -> Row:
    known = row["label"] >= 0
    return {
        "image_id": number, "label": row["label"], "predicted": row["predicted"],
        "correct": row["label"] == row["predicted"] if known else None,
        "probability": row.get("probability", 0.9),
        "label_probability": 0.9 if row["label"] == row["predicted"] else 0.05 if known else None,
        "margin": 1.0, "loss": 0.1, "width": 32, "height": 32,
    }  # fmt: skip


def _background(number: int, row: Row) -> Row:
    return {"image_id": number, "score": row.get("score")}


def _verdict(number: int, row: Row) -> Row:
    verdict: Row = {name: row[name] for name in background.VERDICT_TABLE.names if name in row}
    verdict |= {"image_id": number, "correct": row["label"] == row["predicted"]}
    return {"verdict": "undetermined", "against_idx": row["label"]} | verdict


def _members(number: int, row: Row) -> Row:
    return {"image_id": number, "contexts": row.get("contexts", [])}


def _location(number: int, row: Row) -> Row:
    """Hits at one threshold alone, the same in every image."""
    hits = np.zeros(LEVEL_HITS, dtype=bool)
    hits[LEVELS + 40] = row["hit"]
    flags = {name: hits.tolist() for name in ("largest_hits", "any_hits", "centre_hits")}
    return {"image_id": number, "label": row["label"], "hit": row["hit"], **flags}


def _maps(number: int, row: Row) -> list[Row]:
    raw = np.asarray(row.get("map", np.ones(GRID)), dtype=np.float64)
    scale = float(np.abs(raw).max())
    shared = {
        "image_id": number, "against_idx": -1, "method": "gradcam++", "target": "logit",
        "target_layer": LAYER, "rows": raw.shape[0], "cols": raw.shape[1], "scale": scale,
        "heatmap": (raw / (scale or 1)).astype(np.float16).ravel().tolist(),
        "state": "ok" if raw.max() > 0 else "empty", "object_energy": row.get("energy"),
    }  # fmt: skip
    roles = {"predicted": row["predicted"]} | ({"label": row["label"]} if row["label"] >= 0 else {})
    return [shared | {"role": role, "class_idx": index} for role, index in roles.items()]


def _finding(rank: int, row: Row) -> Row:
    default = {"label": -1, "predicted": -1, "effect": 0.5, "low": 0.3, "high": 0.7, "images": 20,
               "tested": 20, "p_value": 0.001, "q_value": 0.01, "confirmed": True,
               "text": f"finding {rank}", "exemplars": []}  # fmt: skip
    return {"rank": rank, "subject": "", **default, **row}


def _units(run: RunFolder, images: Sequence[Row], units: Mapping[str, Any]) -> None:
    dead, top = units.get("dead", ()), units.get("top", {})
    pooled = np.array([row.get("pooled", np.zeros(UNITS)) for row in images]).reshape(-1, UNITS)
    stats = [
        {"target_layer": LAYER, "unit": unit, "images": len(images), "dead": unit in dead,
         "silent_share": 1.0 if unit in dead else 0.25, "selective_class_idx": unit % 3}
        for unit in range(UNITS)
    ]  # fmt: skip
    _table(run, "unit_stats", unit_schemas.UNIT_STATS, stats)
    strongest = [
        {"target_layer": LAYER, "unit": unit, "class_idx": -1, "rank": rank, "image_id": number,
         "activation": 9.0 - rank}
        for unit, numbers in top.items()
        for rank, number in enumerate(numbers)
    ]  # fmt: skip
    _table(run, "units", unit_schemas.UNITS, strongest)
    layer = {"target_layer": LAYER, "units": UNITS, "images": len(images), "dead_units": len(dead)}
    _table(run, "layer_stats", unit_schemas.LAYER_STATS, [layer])
    rows = [
        {"image_id": number, "label": row["label"], "target_layer": LAYER,
         "pooled": values.astype(np.float16).tolist(), "evidence": [0.0] * UNITS}
        for number, (row, values) in enumerate(zip(images, pooled, strict=True))
    ]  # fmt: skip
    _table(run, "features", schemas.features_schema(UNITS), rows)


def facts_of(run: RunFolder) -> Row:
    content: Row = json.loads(run.audit_file.read_text())
    return content
