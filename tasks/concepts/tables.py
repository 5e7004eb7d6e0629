"""Scores, weights and maps as they are written."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.concepts.concept import ConceptMap
from tasks.concepts.linear_svm import MinedConcept
from tasks.concepts.plan import ConceptPlan
from tasks.tables.concept_schemas import CONCEPT_MAPS, CONCEPT_SCORES, CONCEPT_WEIGHTS


def concept_tables(
    plan: ConceptPlan,
    mined: MinedConcept,
    scores: npt.NDArray[np.float64],
    maps: dict[int, ConceptMap],
) -> dict[str, pa.Table]:
    """By file name, of the schemas CONCEPT_SCORES, CONCEPT_WEIGHTS and CONCEPT_MAPS."""
    concept, units = mined.concept, len(mined.concept.mean)
    weights = {
        "target_layer": [plan.features.target_layer] * units,
        "unit": np.arange(units),
        "weight": concept.weight,
        "coefficient": concept.coefficient,
        "mean": concept.mean,
        "scale": concept.scale,
    }
    of_images = {
        "image_id": plan.features.image_id,
        "uri": plan.manifest["uri"].to_numpy(),
        "split": np.where(plan.held_out, "held_out", "train"),
        "positive": plan.positive,
        "score": scores,
    }
    return {
        "scores": pa.table(of_images, schema=CONCEPT_SCORES),
        "weights": pa.table(weights, schema=CONCEPT_WEIGHTS),
        "maps": pa.Table.from_pylist([_map_row(each) for each in maps.values()], CONCEPT_MAPS),
    }


def _map_row(each: ConceptMap) -> dict[str, Any]:
    rows, cols = each.values.shape
    shares = {"object_area": each.object_area, "object_energy": each.object_energy}
    return {
        "image_id": each.image_id,
        "rows": rows,
        "cols": cols,
        "map": each.values.reshape(-1).tolist(),
        **{name: share if np.isfinite(share) else None for name, share in shares.items()},
    }
