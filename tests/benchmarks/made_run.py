"""A made-up run of any size, with all the tables that the report draws from, as if images of many
classes had been audited with a residual network. Its photographs are a few hundred pictures of
noise, each under many names."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.clusters.stage import write_clusters
from tasks.merge.images import merge_images
from tasks.merge.merged_tables import merge_class_stats
from tasks.tables import background_schemas, schemas, unit_schemas
from tasks.tables.background_schemas import cells_schema
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_json, write_table

UNITS, GRID, CELLS, DIMENSIONS = 512, 7, 49, 32
SHARD, PHOTOGRAPHS = 1000, 200
WIDTH, HEIGHT, RESIZE, CROP = 500, 375, 256, 224
ACCURACY, TESTED = 0.75, 0.03
TOP_UNITS, TOP_IMAGES = 8, 9
FALL, CHROMA = 1.5, 0.2  # of the spectrum; share of the channels' own variance
METHOD, LAYER = "gradcam++", "layer4"

Columns = dict[str, Any]
Integers = npt.NDArray[np.int64]


def write_made_run(root: Path, images: int, classes: int, seed: int = 0) -> RunFolder:
    """Write the run to root/run and its photographs to root/images."""
    rng = np.random.default_rng(seed)
    run = RunFolder(root / "run")
    label = np.sort(rng.integers(0, classes, images))
    predicted = np.where(
        rng.random(images) < ACCURACY, label, (label + rng.integers(1, 6, images)) % classes
    )
    _write_facts(run, classes)
    uris = _link_photographs(rng, root / "images", label)
    patterns = np.abs(rng.normal(size=(3 * classes, UNITS))) ** 3
    scores = rng.beta(4, 3, images)
    for shard, start in enumerate(range(0, images, SHARD)):
        ids = np.arange(start, min(start + SHARD, images))
        own = label[ids], predicted[ids]
        tables = {
            "manifest": (_manifest(rng, ids, own[0], uris), schemas.MANIFEST),
            "predictions": (_predictions(rng, ids, *own, classes), schemas.PREDICTIONS),
            "heatmaps": (_heatmaps(rng, ids, *own, classes), schemas.heatmaps_schema(CELLS)),
            "features": (_features(rng, ids, *own, patterns), schemas.features_schema(UNITS)),
            "cells": (_cells(rng, ids, own[0]), cells_schema(CELLS, DIMENSIONS)),
            "background": (_background(ids, scores[ids]), background_schemas.BACKGROUND),
        }
        for name, (columns, schema) in tables.items():
            write_table(run.table_file(name, shard), _table(columns, schema))
    for merge in (merge_class_stats, merge_images):
        merge(run, -(-images // SHARD))
    write_table(run.table_file("failures"), schemas.FAILURES.empty_table())
    _write_background(run, rng, label, predicted, scores)
    _write_units(run, rng, label, classes)
    write_clusters(run)
    return run


def _table(columns: Columns, schema: pa.Schema) -> pa.Table:
    """Columns that are not given are null."""
    length = len(next(iter(columns.values())))
    arrays = [
        pa.array(columns[field.name], field.type)
        if field.name in columns
        else pa.nulls(length, field.type)
        for field in schema
    ]
    return pa.table(arrays, schema=schema)


def _half(values: npt.NDArray[Any]) -> pa.Array:
    flat = pa.array(values.astype(np.float16).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])


def _write_facts(run: RunFolder, classes: int) -> None:
    layer = {"name": LAYER, "channels": UNITS, "rows": GRID, "cols": GRID}
    field = {"start": [-200, -200], "size": [427, 427], "jump": [32, 32]}
    facts = {
        "schema_version": schemas.SCHEMA_VERSION,
        "config": {"title": "A made-up run", "images": "made", "method": METHOD},
        "model": {"name": "made", "num_classes": classes, "target_layer": LAYER}
        | {"channels": UNITS, "rows": GRID, "cols": GRID}
        | {"unit_layers": [layer | {"receptive_field": field}]},
        "preprocessing": {"resize": RESIZE, "crop": CROP},
        "classes": [f"class number {place} of many" for place in range(classes)],
    }
    facts["config"]["second_pass"] = 0.4
    write_json(run.audit_file, facts)


def _link_photographs(rng: np.random.Generator, folder: Path, label: Integers) -> list[str]:
    """One name per image, in a folder per class."""
    sources = [folder / f"source-{place}.jpg" for place in range(PHOTOGRAPHS)]
    folder.mkdir(parents=True)
    for source in sources:
        source.write_bytes(_photograph(rng))
    uris = []
    for image_id, class_idx in enumerate(label.tolist()):
        own = folder / f"n{class_idx:08d}"
        own.mkdir(exist_ok=True)
        file = own / f"MADE_val_{image_id:08d}.JPEG"
        file.hardlink_to(sources[image_id % PHOTOGRAPHS])
        uris.append(str(file))
    return uris


def _photograph(rng: np.random.Generator) -> bytes:
    """Noise that is as large in a report as photographs of imagenette are: 12.2 KB at 224 pixels
    as a JPEG of quality 85 against 12.4. Amplitudes fall as a power of the frequency."""
    down, across = np.meshgrid(np.fft.fftfreq(HEIGHT), np.fft.fftfreq(WIDTH), indexing="ij")
    frequency = np.hypot(down, across)
    frequency[0, 0] = np.inf
    spectrum = np.fft.fft2(rng.normal(size=(3, HEIGHT, WIDTH))) / frequency**FALL
    grain = np.fft.ifft2(spectrum).real
    grain /= grain.std(axis=(1, 2), keepdims=True)
    light = np.sqrt(1 - CHROMA) * grain[:1] + np.sqrt(CHROMA) * grain
    image = np.clip(128 + 55 * light, 0, 255).astype(np.uint8).transpose(1, 2, 0)
    return bytes(cv2.imencode(".jpg", np.ascontiguousarray(image))[1])


def _manifest(rng: np.random.Generator, ids: Integers, label: Integers, uris: list[str]) -> Columns:
    cameras = rng.integers(0, 5, len(ids))
    return {
        "image_id": ids,
        "uri": [uris[image_id] for image_id in ids],
        "label": label,
        "tags": [[("camera", f"camera {camera}")] for camera in cameras],
    }


def _predictions(
    rng: np.random.Generator, ids: Integers, label: Integers, predicted: Integers, classes: int
) -> Columns:
    right = label == predicted
    probability = np.where(right, rng.beta(6, 1.5, len(ids)), rng.beta(2, 2, len(ids)))
    of_label = np.where(right, probability, (1 - probability) * rng.random(len(ids)))
    logits = np.sort(rng.normal(8, 3, (len(ids), 5)), axis=1)[:, ::-1]
    top = (predicted[:, None] + [0, 3, 7, 11, 19]) % classes
    return {
        "image_id": ids, "label": label, "predicted": predicted, "correct": right,
        "probability": probability, "label_probability": of_label,
        "margin": np.where(right, 1, -1) * rng.gamma(2, 1.5, len(ids)),
        "loss": -np.log(np.maximum(of_label, 1e-7)),
        "top_k_class": top.tolist(), "top_k_logit": logits.tolist(),
        "width": np.full(len(ids), WIDTH), "height": np.full(len(ids), HEIGHT),
    }  # fmt: skip


def _heatmaps(
    rng: np.random.Generator, ids: Integers, label: Integers, predicted: Integers, classes: int
) -> Columns:
    """The predicted class's, the label's, of right answers the runner-up's, and the contrast."""
    right = label == predicted
    roles = [
        ("predicted", ids, predicted, False),
        ("label", ids, label, False),
        ("runner_up", ids[right], (predicted[right] + 3) % classes, False),
        ("contrast", ids, predicted, True),
    ]
    parts: dict[str, list[Any]] = {name: [] for name in ("id", "role", "class", "map", "against")}
    for role, own, class_idx, signed in roles:
        parts["id"].append(own)
        parts["role"] += [role] * len(own)
        parts["class"].append(class_idx)
        parts["map"].append(_maps(rng, len(own), signed))
        parts["against"].append(np.full(len(own), 3 if signed else -1))
    number = len(parts["role"])
    return {
        "image_id": np.concatenate(parts["id"]), "role": parts["role"],
        "class_idx": np.concatenate(parts["class"]),
        "against_idx": np.concatenate(parts["against"]),
        "method": [METHOD] * number, "target": ["logit"] * number,
        "target_layer": [LAYER] * number, "heatmap": _half(np.concatenate(parts["map"])),
        "rows": np.full(number, GRID), "cols": np.full(number, GRID),
        "scale": rng.gamma(4, 1, number), "state": ["ok"] * number,
        "border_share": rng.random(number),
    }  # fmt: skip


def _maps(rng: np.random.Generator, number: int, signed: bool) -> npt.NDArray[np.float64]:
    """A blob with noise, in [0, 1] or [-1, 1]."""
    cells = (np.mgrid[0:GRID, 0:GRID] + 0.5) / GRID
    centre, width = rng.uniform(0.2, 0.8, (2, number, 2, 1, 1))
    blob = np.exp(-((cells - centre) ** 2).sum(axis=1) / (0.02 + 0.1 * width[:, 0]))
    noisy = blob + 0.15 * np.abs(rng.normal(size=blob.shape))
    if signed:
        noisy = noisy - np.roll(noisy, 1, axis=0)
    flat = noisy.reshape(number, -1)
    return flat / np.abs(flat).max(axis=1, keepdims=True)


def _features(
    rng: np.random.Generator,
    ids: Integers,
    label: Integers,
    predicted: Integers,
    patterns: npt.NDArray[np.float64],
) -> Columns:
    own = patterns[3 * predicted + rng.integers(0, 3, len(ids))]
    pooled = np.abs(own + rng.normal(size=own.shape))
    evidence = np.abs(own + 0.5 * rng.normal(size=own.shape))
    return {
        "image_id": ids, "label": label, "target_layer": [LAYER] * len(ids),
        "pooled": _half(pooled), "evidence": _half(evidence),
    }  # fmt: skip


def _cells(rng: np.random.Generator, ids: Integers, label: Integers) -> Columns:
    centres = np.random.default_rng(5).normal(size=(60, DIMENSIONS))
    kinds = (label[:, None] + rng.integers(0, 4, (len(ids), CELLS))) % len(centres)
    vectors = centres[kinds] + 0.3 * rng.normal(size=(len(ids), CELLS, DIMENSIONS))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    return {
        "image_id": ids, "vectors": _half(vectors.reshape(len(ids), -1)),
        "coverage": _half(rng.random((len(ids), CELLS))),
    }  # fmt: skip


def _background(ids: Integers, scores: npt.NDArray[np.float64]) -> Columns:
    return {
        "image_id": ids, "object_source": ["proxy"] * len(ids),
        "object_area": np.full(len(ids), 0.4), "score": scores, "lift": scores / 0.6,
        "uniform_score": np.full(len(ids), 0.6), "centre_score": np.full(len(ids), 0.4),
        "border_score": np.full(len(ids), 0.9),
    }  # fmt: skip


def _write_background(
    run: RunFolder,
    rng: np.random.Generator,
    label: Integers,
    predicted: Integers,
    scores: npt.NDArray[np.float64],
) -> None:
    number, right = len(label), label == predicted
    tested = rng.random(number) < TESTED
    verdicts = np.where(
        tested,
        rng.choice(["confirmed", "not_background", "undetermined"], number),
        np.where((scores > 0.7) & ~right, "suspected", "undetermined"),
    )
    first = [f"{score:.0%} of what speaks for the prediction lies outside." for score in scores]
    more = "On {} of 8 backgrounds of other images the answer is right."
    columns = {
        "image_id": np.arange(number), "label": label, "predicted": predicted,
        "against_idx": np.where(right, (predicted + 3) % 9, label), "correct": right,
        "object_source": ["proxy"] * number, "score": scores, "lift": scores / 0.6,
        "stratum": [("random" if own else None) for own in tested],
        "verdict": verdicts.tolist(), "margin": rng.normal(size=number),
        "trail": [
            [text, more.format(place % 9)] if own else [text, "Not tested in the second pass."]
            for place, (text, own) in enumerate(zip(first, tested, strict=True))
        ],
    }  # fmt: skip
    table = _table(columns, background_schemas.VERDICT_TABLE)
    write_table(run.table_file("verdicts"), table)
    for name in ("background_stats", "findings"):
        schema = getattr(background_schemas, name.upper())
        write_table(run.table_file(name), schema.empty_table())
    write_json(run.second_pass_file, _second_pass(tested, right))
    write_table(run.table_file("evidence", 0), _evidence(rng, np.flatnonzero(tested), predicted))


def _second_pass(tested: npt.NDArray[np.bool_], right: npt.NDArray[np.bool_]) -> Columns:
    number = len(tested)
    return {
        "budget": 0.4, "forwards": 13 * int(tested.sum()), "forwards_per_image": 13,
        "images": number, "mistakes": int((~right).sum()), "tested_suspicious": 0,
        "tested_random": int(tested.sum()), "tested_mistakes": int((tested & ~right).sum()),
        "tested_correct": int((tested & right).sum()), "gap_threshold": 0.9, "donors": number,
        "object_sources": {"mask": 0, "box": 0, "proxy": number, "none": 0},
        "seconds": 1.0, "seed": 0,
    }  # fmt: skip


def _evidence(rng: np.random.Generator, tested: Integers, predicted: Integers) -> pa.Table:
    kinds = background_schemas.INTERVENTIONS
    number = len(tested) * len(kinds)
    columns = {
        "image_id": np.repeat(tested, len(kinds)),
        "intervention": list(kinds) * len(tested), "draw": np.zeros(number, int),
        "donor_id": rng.choice(tested, number),
        "predicted": np.repeat(predicted[tested], len(kinds)),
        "logit_predicted": rng.normal(size=number), "logit_against": rng.normal(size=number),
    }  # fmt: skip
    return _table(columns, background_schemas.EVIDENCE)


def _write_units(run: RunFolder, rng: np.random.Generator, label: Integers, classes: int) -> None:
    """Of the units of each class its first TOP_UNITS have images; all have them over all images."""
    contribution = rng.gamma(1, 1, (classes, UNITS))
    first = np.argsort(-contribution, axis=1)[:, :TOP_UNITS]
    members = [np.flatnonzero(label == class_idx) for class_idx in range(classes)]
    keys = [(-1, unit, np.arange(len(label))) for unit in range(UNITS)]
    keys += [(c, int(u), members[c]) for c in range(classes) for u in first[c] if len(members[c])]
    entries = [
        (class_idx, unit, rank, int(image))
        for class_idx, unit, own in keys
        for rank, image in enumerate(rng.choice(own, TOP_IMAGES))
    ]
    class_idx, unit, rank, image = np.array(entries).T
    row, col = rng.integers(0, GRID, (2, len(entries)))
    columns = {
        "target_layer": [LAYER] * len(entries), "unit": unit, "class_idx": class_idx, "rank": rank,
        "image_id": image, "activation": 9.0 - rank, "row": row, "col": col,
        "rf_top": np.zeros(len(entries), int), "rf_left": np.zeros(len(entries), int),
        "rf_bottom": np.full(len(entries), HEIGHT), "rf_right": np.full(len(entries), WIDTH),
    }  # fmt: skip
    for name in ("units", "units_least"):
        write_table(run.table_file(name), _table(columns, unit_schemas.UNITS))
    write_table(run.table_file("unit_classes"), _unit_classes(rng, contribution))
    write_table(run.table_file("unit_stats"), _unit_stats(rng, len(label)))
    summary = {"target_layer": [LAYER], "units": [UNITS], "images": [len(label)]}
    summary |= {"dead_units": [0], "sparsity": [0.2]}
    write_table(run.table_file("layer_stats"), _table(summary, unit_schemas.LAYER_STATS))
    for name in ("shared_units", "driven_units", "near_duplicates"):
        schema = getattr(unit_schemas, name.upper())
        write_table(run.table_file(name), schema.empty_table())


def _unit_classes(rng: np.random.Generator, contribution: npt.NDArray[np.float64]) -> pa.Table:
    classes, number = len(contribution), contribution.size
    columns = {
        "target_layer": [LAYER] * number,
        "class_idx": np.repeat(np.arange(classes), UNITS),
        "unit": np.tile(np.arange(UNITS), classes), "images": np.full(number, 50),
        "contribution": contribution.ravel(), "mean": np.full(number, 3.0),
        "mean_difference": rng.normal(size=number), "auroc": rng.random(number),
        "auroc_error": np.full(number, 0.01),
    }  # fmt: skip
    return _table(columns, unit_schemas.UNIT_CLASSES)


def _unit_stats(rng: np.random.Generator, images: int) -> pa.Table:
    columns: Columns = {
        "target_layer": [LAYER] * UNITS, "unit": np.arange(UNITS),
        "images": np.full(UNITS, images), "mean": np.full(UNITS, 2.0),
        "variance": np.full(UNITS, 4.0), "dead_share": np.zeros(UNITS),
        "selectivity": rng.random(UNITS), "selective_class_idx": np.arange(UNITS) % 9,
        "peak_least": np.zeros(UNITS), "peak_largest": rng.uniform(5, 9, UNITS),
        "silent_share": np.full(UNITS, 0.1), "dead": np.zeros(UNITS, bool),
    }  # fmt: skip
    for quantile in ("05", "25", "50", "75", "95"):
        columns[f"quantile_{quantile}"] = rng.random(UNITS)
        columns[f"peak_quantile_{quantile}"] = 3 * rng.random(UNITS)
    return _table(columns, unit_schemas.UNIT_STATS)
