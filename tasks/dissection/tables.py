"""Units, concepts, scores and facts as they are written."""

from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.dissection.dissection import ConceptFound, UnitFound
from tasks.dissection.looks import FirstLook, SecondLook
from tasks.dissection.overlaps import Overlaps
from tasks.dissection.plan import DissectionPlan
from tasks.tables.dissection_schemas import (
    DISSECTION_CONCEPTS,
    DISSECTION_SCORES,
    DISSECTION_UNITS,
)


def dissection_tables(
    plan: DissectionPlan,
    units: list[UnitFound],
    concepts: list[ConceptFound],
    overlaps: Overlaps,
    names: list[str],
) -> dict[str, pa.Table]:
    """By file name, of the schemas DISSECTION_UNITS, DISSECTION_CONCEPTS, DISSECTION_SCORES."""
    layer = plan.facts["model"]["target_layer"]
    of_units = [
        {
            **asdict(each),
            "target_layer": layer,
            "chance_iou": each.chance,
            "concept": each.concept or None,
            "label": each.label or None,
        }
        for each in units
    ]
    of_concepts = [
        {**asdict(each), "concept": each.name, "reachable_iou": each.reachable} for each in concepts
    ]
    return {
        "units": pa.Table.from_pylist(of_units, DISSECTION_UNITS),
        "concepts": pa.Table.from_pylist(of_concepts, DISSECTION_CONCEPTS),
        "scores": _scores(overlaps, names),
    }


def _scores(overlaps: Overlaps, names: list[str]) -> pa.Table:
    units, concepts = overlaps.intersection.shape
    columns = {
        "unit": np.repeat(np.arange(units), concepts),
        "concept": np.tile(np.array(names, dtype=object), units),
        "intersection": overlaps.intersection.reshape(-1).astype(np.int64),
        "union": overlaps.union.reshape(-1).astype(np.int64),
        "iou": overlaps.iou.reshape(-1),
        "iou_within": overlaps.iou_within.reshape(-1),
        "chance_iou": overlaps.chance.reshape(-1),
    }
    return pa.table(columns, schema=DISSECTION_SCORES)


def dissection_facts(
    plan: DissectionPlan,
    first: FirstLook,
    second: SecondLook,
    units: list[UnitFound],
) -> dict[str, Any]:
    """Content of dissection.json; `shuffled_detectors` is None where nothing could be shuffled."""
    failures = [*first.failures, *second.failures]
    options = plan.options
    return {
        "run": str(plan.run.root.resolve()),
        "shard_keys": plan.audit_key,
        "target_layer": plan.facts["model"]["target_layer"],
        "grid": list(first.grid),
        "view": plan.facts["preprocessing"]["crop"],
        "images": {
            "audited": plan.audited, "seen": len(first.seen), "named": second.overlaps.images
        },
        "sources": {
            "mask": sum(first.areas.masks.values()), "box": sum(first.areas.boxes.values())
        },
        "concepts": len(first.areas.names),
        "top_share": options.top_share,
        "positions": first.thresholds.positions,
        "threshold_error": first.thresholds.error,
        "iou": options.iou,
        "units": _unit_counts(second, units, options.iou),
        "seed": options.seed,
        "failures": [asdict(failure) for failure in failures],
    }  # fmt: skip


def _unit_counts(second: SecondLook, units: list[UnitFound], least: float) -> dict[str, Any]:
    states = Counter(unit.state for unit in units)
    labels = [unit.label for unit in units if unit.label]
    return {
        "all": len(units),
        "dead": states["dead"],
        "sparse": states["sparse"],
        "saturated": states["saturated"],
        "detectors": len(labels),
        "unique": len(set(labels)),
        "chance_detectors": _exceeding(second.overlaps.chance, least),
        "shuffled_detectors": (
            _exceeding(second.shuffled.iou, least) if second.shuffled.images else None
        ),
    }


def _exceeding(iou: npt.NDArray[np.float64], least: float) -> int:
    """Units whose best concept exceeds `least`."""
    return int((iou.max(axis=1) > least).sum())
