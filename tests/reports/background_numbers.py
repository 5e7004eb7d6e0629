"""Made-up tables of the background evidence, consistent with each other and with a run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.merge.intervals import wilson_interval
from tasks.tables import background_schemas as schemas
from tasks.tables.storage import RunFolder, write_table
from tests.reports.background_evidence import Draw, Row, evidence_rows, flat_picture, summarise

THRESHOLD = 0.35
SITES = ["north <b>", "south", "west"]
WITHOUT_PICTURES = 5  # no picture of this image's changes was kept
Tables = dict[str, list[Row]]


def write(
    run_folder: Path, second_pass: bool = True, tested: int = 12, draw: Draw = flat_picture
) -> Tables:
    """As if `camaudit run` had examined the backgrounds of the run in this folder.

    Returns: the rows that were written, by table.
    """
    run = RunFolder(run_folder)
    predictions = run.dataset("predictions").to_table().to_pylist()
    manifest = {row["image_id"]: row for row in run.dataset("manifest").to_table().to_pylist()}
    predictions.sort(key=lambda row: row["image_id"])
    tables = context_tables(run, predictions)
    if any(row["label"] >= 0 for row in predictions):
        tables |= _labelled(predictions, manifest, second_pass, tested, draw)
        facts = tables.pop("facts")[0]
        if second_pass:
            (run.root / "second_pass.json").write_text(json.dumps(facts))
    for name, rows in tables.items():
        store(run, name, rows)
    return tables


def store(run: RunFolder, name: str, rows: list[Row]) -> None:
    """Write a merged table by its schema."""
    schema = getattr(schemas, {"verdicts": "VERDICT_TABLE"}.get(name, name.upper()))
    write_table(run.table_file(name), pa.Table.from_pylist(rows, schema=schema))


def rows_of(run_folder: Path) -> Tables:
    """What `write` wrote there, read back, and `facts`."""
    run = RunFolder(run_folder)
    names = ("background", "verdicts", "background_stats", "findings", "evidence")
    names += ("context_clusters", "context_risks", "explanation_clusters")
    facts = json.loads((run_folder / "second_pass.json").read_text())
    stored: Tables = {name: run.dataset(name).to_table().to_pylist() for name in names}
    return stored | {"facts": [facts]}


def _labelled(
    predictions: list[Row], manifest: Any, second_pass: bool, tested: int, draw: Draw
) -> Tables:
    rng = np.random.default_rng(11)
    scores = [_score(rng, row, manifest[row["image_id"]]) for row in predictions]
    verdicts = [_verdict(row, s) for row, s in zip(predictions, scores, strict=True)]
    evidence: list[Row] = []
    if second_pass:
        _draw_sample(verdicts, tested)
        donors: Row = {}
        for row in predictions:
            donors.setdefault(row["label"], []).append(row["image_id"])
        for row in predictions:
            donors.setdefault(row["predicted"], donors[row["label"]])
            donors.setdefault(row["top_k_class"][1], donors[row["label"]])
        for verdict in [v for v in verdicts if v["stratum"]]:
            part = rng.uniform(0.5, 0.9) if verdict["score"] > 0.6 else rng.uniform(0, 0.4)
            rows = evidence_rows(rng, verdict, part, donors, draw)
            if verdict["image_id"] == WITHOUT_PICTURES:
                rows = [row | {"picture": None} for row in rows]
            elif verdict["image_id"] % 4 == 1:
                rows[1]["picture"] = None
            evidence += rows
            verdict |= summarise(verdict, rows, THRESHOLD)
    stats = background_stats(verdicts)
    tables: Tables = {"background": scores, "verdicts": verdicts, "background_stats": stats}
    tables["findings"] = _findings(stats, verdicts)
    if second_pass:
        tables["evidence"] = evidence
    return tables | {"facts": [_facts(verdicts, evidence)]}


def _score(rng: np.random.Generator, prediction: Row, image: Row) -> Row:
    image_id, wrong = prediction["image_id"], not prediction["correct"]
    source = "mask" if image["mask_uri"] else "box" if image["boxes"] else "proxy"
    area = float(rng.uniform(0.15, 0.4))
    score = float(np.clip(rng.normal(0.72 if wrong else 0.45, 0.2), 0, 1))
    told = image_id % 13 != 12
    return {
        "image_id": image_id,
        "object_source": source if told else None,
        "object_area": area if told else None,
        "score": score if told else None,
        "lift": score / (1 - area) if told else None,
        "uniform_score": 1 - area if told else None,
        "centre_score": 0.8 * (1 - area) if told else None,
        "border_score": min(1.0, 1.2 * (1 - area)) if told else None,
    }


def _verdict(prediction: Row, score: Row) -> Row:
    """Of the first pass alone."""
    wrong = not prediction["correct"]
    suspected = score["lift"] is not None and score["lift"] > 1
    known = "suspected" if suspected else "not_background"
    names = ("stratum", "inclusion", "shapley_object", "shapley_background", "gap", "placebo_gap")
    names += ("turned", "held", "right_replaced", "background_alone", "reliance")
    return dict.fromkeys(names) | {
        "image_id": prediction["image_id"],
        "label": prediction["label"],
        "predicted": prediction["predicted"],
        "against_idx": prediction["label"] if wrong else prediction["top_k_class"][1],
        "correct": not wrong,
        "object_source": score["object_source"],
        "score": score["score"],
        "lift": score["lift"],
        "margin": abs(prediction["margin"]),
        "verdict": known if score["lift"] is not None else "undetermined",
        "trail": ["the first pass alone"],
    }


def _draw_sample(verdicts: list[Row], tested: int) -> None:
    """Half of `tested` for their scores, a quarter each of the other mistakes and of the rest."""
    told = [row for row in verdicts if row["score"] is not None]
    told.sort(key=lambda row: (-row["score"], row["image_id"]))
    for row in told[: tested // 2]:
        row |= {"stratum": "suspicious", "inclusion": 1.0}
    for correct in (False, True):
        rest = [row for row in told[tested // 2 :] if row["correct"] == correct]
        number = min(len(rest), tested // 4)
        for place in range(number):
            row = rest[place * len(rest) // number]
            row |= {"stratum": "random", "inclusion": number / len(rest)}


def background_stats(verdicts: list[Row]) -> list[Row]:
    """Weighted shares with intervals as of a simple sample: plausible, not exact."""
    groups: dict[tuple[Any, ...], list[Row]] = {("all", -1, -1, None, None): verdicts}
    for row in verdicts:
        site = SITES[row["image_id"] % 3]
        groups.setdefault(("label", row["label"], -1, None, None), []).append(row)
        groups.setdefault(("predicted", -1, row["predicted"], None, None), []).append(row)
        groups.setdefault(("slice", -1, -1, "site", site), []).append(row)
        if not row["correct"]:
            key = ("pair", row["label"], row["predicted"], None, None)
            groups.setdefault(key, []).append(row)
    control = [row for row in verdicts if row["correct"] and row["stratum"]]
    level = _weighted(control, "gap")[0] if control else None
    return [_stats(key, rows, level) for key, rows in groups.items()]


def _stats(key: tuple[Any, ...], rows: list[Row], control: float | None) -> Row:
    group, label, predicted, tag, value = key
    mistakes = [row for row in rows if not row["correct"]]
    tested = [row for row in mistakes if row["stratum"]]
    right = [row for row in rows if row["correct"] and row["stratum"]]
    kept = 1 - len(mistakes) / len(rows)
    numbers: Row = {}
    for name, chosen, column in (
        ("driven", tested, None),
        ("leaning", right, None),
        ("accuracy_replaced", [*tested, *right], "right_replaced"),
        ("gap", tested, "gap"),
    ):
        share = name if column else f"{name}_share"
        bounds = _weighted(chosen, column) if chosen else (None, None, None)
        numbers |= dict(zip((share, f"{name}_low", f"{name}_high"), bounds, strict=True))
    return numbers | {
        "group": group,
        "label": label,
        "predicted": predicted,
        "tag": tag,
        "value": value,
        "images": len(rows),
        "mistakes": len(mistakes),
        "tested_mistakes": len(tested),
        "turned_mistakes": sum(row["turned"] == 1 for row in tested),
        "tested_correct": len(right),
        "accuracy_kept": kept,
        "control_gap": control,
        "p_value": 0.004 if tested else None,
    }


def _weighted(rows: list[Row], column: str | None) -> tuple[float, float, float]:
    """Mean weighted by 1 / inclusion; without a column the share of the confirmed."""
    weights = np.array([1 / row["inclusion"] for row in rows])
    values = np.array([row[column] if column else row["verdict"] == "confirmed" for row in rows])
    mean = float((weights * values).sum() / weights.sum())
    if column == "gap":
        half = 0.4 / np.sqrt(len(rows))
        return mean, mean - half, mean + half
    low, high = wilson_interval(round(mean * len(rows)), len(rows))
    return mean, min(mean, float(low)), max(mean, float(high))


def _findings(stats: list[Row], verdicts: list[Row]) -> list[Row]:
    """A statement for each group with tested mistakes; three quarters confirmed."""
    kinds = {"pair": 0, "label": 1, "predicted": 2, "slice": 3}
    told = [row for row in stats if row["group"] in kinds and row["tested_mistakes"]]
    told.sort(key=lambda row: (kinds[row["group"]], -row["driven_share"], row["label"]))
    rows = [_finding(rank, row, verdicts) for rank, row in enumerate(told)]
    for rank, row in enumerate(rows):
        row |= {"confirmed": rank < 0.75 * len(rows), "q_value": 0.0004 + 0.02 * rank}
    context = _finding(len(rows), stats[0] | {"group": "context"}, verdicts)
    changes = {"text": "Predicted 3 more often where cluster 0 is.", "confirmed": False}
    changes |= {"effect": 0.21, "low": 0.05, "high": 0.36, "q_value": 0.3}
    return [*rows, context | changes]


def _finding(rank: int, stats: Row, verdicts: list[Row]) -> Row:
    subject = f"{stats['label']} -> {stats['predicted']}"
    if stats["tag"]:
        subject = f"{stats['tag']} = {stats['value']}"
    own = [v for v in verdicts if not v["correct"] and stats["label"] in (-1, v["label"])]
    own = [v for v in own if stats["predicted"] in (-1, v["predicted"])]
    own.sort(key=lambda v: (v["verdict"] != "confirmed", v["stratum"] is None, v["image_id"]))
    return {
        "rank": rank,
        "kind": stats["group"],
        "label": stats["label"],
        "predicted": stats["predicted"],
        "subject": subject,
        "effect": stats["driven_share"],
        "low": stats["driven_low"],
        "high": stats["driven_high"],
        "images": stats["mistakes"],
        "tested": stats["tested_mistakes"],
        "p_value": stats["p_value"],
        "text": f"Of the {stats['mistakes']} mistakes <{subject}> a share follows the background.",
        "exemplars": [v["image_id"] for v in own[:8]],
    }


def _facts(verdicts: list[Row], evidence: list[Row]) -> Row:
    tested = [row for row in verdicts if row["stratum"]]
    mistakes = [row for row in verdicts if not row["correct"]]
    sources = [row["object_source"] or "none" for row in verdicts]
    return {
        "budget": 0.4,
        "forwards": len(evidence),
        "forwards_per_image": 8,
        "images": len(verdicts),
        "tested_suspicious": sum(row["stratum"] == "suspicious" for row in tested),
        "tested_random": sum(row["stratum"] == "random" for row in tested),
        "mistakes": len(mistakes),
        "tested_mistakes": sum(not row["correct"] for row in tested),
        "tested_correct": sum(row["correct"] for row in tested),
        "gap_threshold": THRESHOLD,
        "donors": len({row["donor_id"] for row in evidence} - {-1}),
        "object_sources": {s: sources.count(s) for s in ("mask", "box", "proxy", "none")},
        "seconds": 4.2,
        "finished": "2026-01-02T03:05:06+00:00",
        "seed": 0,
    }


def context_tables(run: RunFolder, predictions: list[Row]) -> Tables:
    """Three clusters, two patterns of each predicted class; risks where there are labels."""
    model = run.audit()["model"]
    cells = model["rows"] * model["cols"]
    ids = [row["image_id"] for row in predictions]
    labelled = any(row["label"] >= 0 for row in predictions)
    clusters = [
        {
            "cluster": cluster,
            "cells": 100 * (cluster + 1),
            "images": len(ids) // (4 - cluster),
            "object_share": None if cluster == 2 else 0.1 + 0.3 * cluster,
            "exemplars": ids[cluster::7][:10],
            "exemplar_cells": [(5 * i + cluster) % cells for i in range(len(ids[cluster::7][:10]))],
        }
        for cluster in range(3)
    ]
    tables: Tables = {"context_clusters": clusters, "explanation_clusters": []}
    if labelled:
        tables["context_risks"] = [_risk(0, 1, 0.31, 0.02), _risk(1, 0, 0.45, 0.001)]
        tables["context_risks"] += [_risk(1, 2, 0.6, 0.4), _risk(0, 3, 0.02, 0.7)]
    for class_idx in sorted({row["predicted"] for row in predictions}):
        own = [row for row in predictions if row["predicted"] == class_idx]
        tables["explanation_clusters"] += [_pattern(class_idx, c, own[c::2]) for c in range(2)]
    return tables


def _risk(cluster: int, class_idx: int, difference: float, q: float) -> Row:
    absent = 2
    present = round(10 * (difference + absent / 15))
    return {
        "cluster": cluster,
        "class_idx": class_idx,
        "present": 10,
        "absent": 15,
        "predicted_present": present,
        "predicted_absent": absent,
        "risk_difference": present / 10 - absent / 15,
        "low": present / 10 - absent / 15 - 0.2,
        "high": present / 10 - absent / 15 + 0.2,
        "discovery_difference": difference,
        "p_value": q / 2,
        "q_value": q,
    }


def _pattern(class_idx: int, cluster: int, own: list[Row]) -> Row:
    labelled = [row for row in own if row["label"] >= 0]
    correct = sum(bool(row["correct"]) for row in labelled)
    low, high = wilson_interval(correct, len(labelled))
    return {
        "class_idx": class_idx,
        "cluster": cluster,
        "name": "site = <b>north</b>" if cluster == 0 else f"cluster {cluster}",
        "images": len(own),
        "labelled": len(labelled),
        "correct": correct,
        "accuracy": correct / len(labelled) if labelled else None,
        "accuracy_low": float(low) if labelled else None,
        "accuracy_high": float(high) if labelled else None,
        "object_energy": 0.42 if cluster == 0 else None,
        "exemplars": [row["image_id"] for row in own[:6]],
    }
