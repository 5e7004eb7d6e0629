"""Made-up clusters of contexts and of explanations."""

from tasks.statistics.intervals import wilson_interval
from tasks.tables.storage import RunFolder
from tests.reports.background_evidence import Row

Tables = dict[str, list[Row]]


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
