"""concept.json: what was learned from what, and how good it is."""

from dataclasses import asdict
from typing import Any

import numpy as np

from tasks.concepts.concept import ObjectShares
from tasks.concepts.linear_svm import MinedConcept
from tasks.concepts.plan import ConceptPlan
from tasks.images.inputs import Failure
from tasks.statistics.bootstrap import RESAMPLES, Estimate


def concept_facts(
    plan: ConceptPlan,
    mined: MinedConcept,
    precision: Estimate,
    base_rate: float,
    objects: ObjectShares | None,
    failures: list[Failure],
) -> dict[str, Any]:
    """Content of concept.json, without NaN, which JSON has not.

    failures : images whose map could not be drawn any more
    """
    held, positive, options = plan.held_out, plan.positive, plan.options
    return {
        "run": str(plan.run.root.resolve()),
        "shard_keys": plan.audit_key,
        "target_layer": plan.features.target_layer,
        "positives": options.positives,
        "negatives": options.negatives,
        "images": {
            side: {"positive": int(positive[of].sum()), "negative": int((~positive[of]).sum())}
            for side, of in (("train", ~held), ("held_out", held))
        },
        "left_out": plan.left_out,
        "copies": len(positive) - len(np.unique(plan.groups)),
        **_precision(precision, base_rate),
        "bias": mined.concept.bias,
        "c": options.c,
        "seed": options.seed,
        "rounds": [asdict(each) for each in mined.rounds],
        "converged": mined.converged,
        "objects": None if objects is None else _shares(objects),
        "failures": [asdict(failure) for failure in failures],
    }


def _precision(precision: Estimate, base_rate: float) -> dict[str, Any]:
    return {
        "average_precision": precision.value,
        "average_precision_low": precision.low,
        "average_precision_high": precision.high,
        "base_rate": base_rate,
        "resamples": RESAMPLES,
    }


def _shares(objects: ObjectShares) -> dict[str, Any]:
    return {
        name: {key: value if value == value else None for key, value in vars(estimate).items()}
        for name, estimate in vars(objects).items()
    }
