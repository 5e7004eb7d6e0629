"""Made-up tables of the background evidence, consistent with each other and with a run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.tables import background_schemas as schemas
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_table
from tests.reports.background_evidence import Draw, Row, evidence_rows, flat_picture, summarise
from tests.reports.background_groups import background_stats, findings
from tests.reports.context_numbers import Tables, context_tables
from tests.reports.image_numbers import write_images

THRESHOLD = 0.35
WITHOUT_PICTURES = 5  # no picture of this image's changes was kept


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
    write_images(run)
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
    tables["findings"] = findings(stats, verdicts)
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
