"""A concept, from a finished audit to its hyperplane, its precision and its maps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from tasks.concepts.concept import Concept, ConceptMap, ObjectShares
from tasks.concepts.concept_maps import Known, concept_maps
from tasks.concepts.facts import concept_facts
from tasks.concepts.images_to_draw import images_to_draw
from tasks.concepts.linear_svm import MinedConcept, train_with_hard_negatives
from tasks.concepts.plan import ConceptPlan
from tasks.concepts.tables import concept_tables
from tasks.explain.audited_model import AuditedModel
from tasks.statistics.average_precision import bootstrap_average_precision
from tasks.statistics.bootstrap import bootstrap_mean, paired_difference

Floats = npt.NDArray[np.float64]


def learn_concept(plan: ConceptPlan) -> tuple[MinedConcept, Floats]:
    """Train on the images that are not held out; returns the scores of all, shape (N,), too."""
    train, options = ~plan.held_out, plan.options
    mined = train_with_hard_negatives(
        plan.features.pooled[train], plan.positive[train],
        c=options.c, rounds=options.rounds, seed=options.seed,
    )  # fmt: skip
    return mined, mined.concept.decide(plan.features.pooled)


def draw_concept(
    plan: ConceptPlan,
    learned: tuple[MinedConcept, Floats],
    model: AuditedModel,
    advance: Callable[[int], None],
) -> Concept:
    """Maps of the images to draw, one forward each, and all that is to be written.

    advance : is told how many images were done
    """
    mined, scores = learned
    groups, sample = images_to_draw(plan, scores)
    wanted = sorted({*sample, *(i for ids in groups.values() for i in ids)})
    rows = _manifest_rows(plan, wanted)
    known = _known(plan, scores, wanted)
    maps, failures = concept_maps(model, rows, known, mined.concept.weight, advance)
    held = plan.held_out
    precision = bootstrap_average_precision(
        plan.positive[held], scores[held], seed=plan.options.seed
    )
    base_rate = float(plan.positive[held].mean())
    objects = _objects([maps[i] for i in sample if i in maps], plan.options.seed)
    facts = concept_facts(plan, mined, precision, base_rate, objects, failures)
    return Concept(
        title=_title(plan.options.positives),
        facts=facts,
        model=plan.facts,
        mined=mined,
        precision=precision,
        base_rate=base_rate,
        groups=groups,
        maps=maps,
        objects=objects,
        tables=concept_tables(plan, mined, scores, maps),
    )


def _title(positives: str) -> str:
    return Path(positives).stem if Path(positives).is_file() else positives


def _manifest_rows(plan: ConceptPlan, wanted: list[int]) -> list[dict[str, Any]]:
    manifest = plan.run.dataset("manifest").to_table(filter=pc.field("image_id").isin(wanted))
    rows: list[dict[str, Any]] = manifest.sort_by("image_id").to_pylist()
    return rows


def _known(plan: ConceptPlan, scores: Floats, wanted: list[int]) -> dict[int, Known]:
    predictions = plan.run.dataset("predictions").to_table(
        columns=["image_id", "label", "predicted"], filter=pc.field("image_id").isin(wanted)
    )
    names = plan.facts["classes"]
    places = {int(image_id): i for i, image_id in enumerate(plan.features.image_id)}
    return {
        row["image_id"]: Known(
            score=float(scores[places[row["image_id"]]]),
            positive=bool(plan.positive[places[row["image_id"]]]),
            label=names[row["label"]] if row["label"] >= 0 else "",
            predicted=names[row["predicted"]],
        )
        for row in predictions.to_pylist()
    }


def _objects(maps: list[ConceptMap], seed: int) -> ObjectShares | None:
    energy = np.array([each.object_energy for each in maps])
    area = np.array([each.object_area for each in maps])
    if not np.isfinite(energy).any():
        return None
    return ObjectShares(
        bootstrap_mean(energy, seed=seed),
        bootstrap_mean(area, seed=seed),
        paired_difference(energy, area, seed=seed),
    )
