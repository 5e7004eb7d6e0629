"""A concept, from a finished audit to its hyperplane, its precision and its maps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.concepts.concept import Concept, ConceptMap, Group, ObjectShares
from tasks.concepts.concept_maps import Known, concept_maps
from tasks.concepts.facts import concept_facts
from tasks.concepts.linear_svm import MinedConcept, train_with_hard_negatives
from tasks.concepts.plan import ConceptPlan
from tasks.faithfulness.audited_model import AuditedModel
from tasks.statistics.average_precision import bootstrap_average_precision
from tasks.statistics.bootstrap import bootstrap_mean, paired_difference
from tasks.tables.concept_schemas import CONCEPT_MAPS, CONCEPT_SCORES, CONCEPT_WEIGHTS

Floats = npt.NDArray[np.float64]


def learn_concept(plan: ConceptPlan) -> tuple[MinedConcept, Floats]:
    """Train on the images that are not held out; returns the scores of all, shape (N,), too."""
    train, options = ~plan.held_out, plan.options
    mined = train_with_hard_negatives(
        plan.features.pooled[train], plan.positive[train],
        c=options.c, rounds=options.rounds, seed=options.seed,
    )  # fmt: skip
    return mined, mined.concept.decide(plan.features.pooled)


def images_to_draw(plan: ConceptPlan, scores: Floats) -> tuple[dict[Group, list[int]], list[int]]:
    """Held-out images by what they tell: positives and negatives of the highest scores above 0,
    positives of the lowest scores up to 0; and a random sample of the positives that have an
    object.

    Returns: image_ids of each group, and of the sample, sorted.
    """
    ids, shown = plan.features.image_id, plan.options.shown
    held, positive = plan.held_out, plan.positive
    down, up = np.lexsort((ids, -scores)), np.lexsort((ids, scores))
    groups: dict[Group, list[int]] = {
        "top": ids[down[(held & positive & (scores > 0))[down]]][:shown].tolist(),
        "false_positive": ids[down[(held & ~positive & (scores > 0))[down]]][:shown].tolist(),
        "miss": ids[up[(held & positive & (scores <= 0))[up]]][:shown].tolist(),
    }
    boxes = plan.manifest["boxes"].map(lambda each: each is not None and len(each) > 0)
    objects = (plan.manifest["mask_uri"].notna() | boxes).to_numpy()
    drawn = np.random.default_rng(plan.options.seed).permutation(ids[held & positive & objects])
    return groups, sorted(drawn[: plan.options.sampled].tolist())


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
    manifest = plan.run.dataset("manifest").to_table(filter=pc.field("image_id").isin(wanted))
    rows: list[dict[str, Any]] = manifest.sort_by("image_id").to_pylist()
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
        tables=_tables(plan, mined, scores, maps),
    )


def _title(positives: str) -> str:
    return Path(positives).stem if Path(positives).is_file() else positives


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


def _tables(
    plan: ConceptPlan, mined: MinedConcept, scores: Floats, maps: dict[int, ConceptMap]
) -> dict[str, pa.Table]:
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
