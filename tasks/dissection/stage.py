"""Network dissection (Bau et al. 2017, arXiv:1704.05796, section 2) of a finished audit's model."""

from collections.abc import Callable

import torch

from tasks.dissection.concept_areas import ConceptAreas
from tasks.dissection.dissection import Dissection
from tasks.dissection.labels import describe_concepts, label_units
from tasks.dissection.looks import FirstLook, SecondLook
from tasks.dissection.named_audit import NAMES_NEEDED
from tasks.dissection.named_batches import named_batches
from tasks.dissection.overlaps import OverlapSums
from tasks.dissection.plan import DissectionPlan
from tasks.dissection.shuffled_images import ShuffledObjects
from tasks.dissection.strongest_regions import StrongestRegions
from tasks.dissection.tables import dissection_facts, dissection_tables
from tasks.dissection.thresholds import EXACT_BYTES, thresholds_for
from tasks.dissection.unit_pictures import draw_units
from tasks.errors import AuditError
from tasks.explain.audited_model import AuditedModel
from tasks.images.inputs import Failure


def dissect(
    plan: DissectionPlan, model: AuditedModel, advance: Callable[[int], None]
) -> Dissection:
    """Two passes over the images, and one forward for each picture that is shown.

    advance : is told how many images were done

    Raises: AuditError where no image could be read, or no named object.
    """
    first = find_thresholds(plan, model, advance)
    second = sum_overlaps(plan, model, first, advance)
    overlaps, names = second.overlaps, first.areas.names
    units = label_units(first.thresholds, overlaps, names, plan.options.iou)
    concepts = describe_concepts(first.areas, overlaps, units)
    pictures = draw_units(plan, model, first.thresholds, units, second.strongest)
    return Dissection(
        facts=dissection_facts(plan, first, second, units),
        model=plan.facts,
        units=units,
        concepts=concepts,
        pictures=pictures,
        tables=dissection_tables(plan, units, concepts, overlaps, names),
    )


def find_thresholds(
    plan: DissectionPlan,
    model: AuditedModel,
    advance: Callable[[int], None],
    exact_bytes: int = EXACT_BYTES,
) -> FirstLook:
    """The first pass: each unit's level, and where the named objects lie.

    exact_bytes : above which the levels are found by a sketch

    Raises: AuditError where no image could be read, or no named object.
    """
    areas, seen, failures = ConceptAreas(model.preprocessing.crop), set[int](), list[Failure]()
    levels, grid = None, (0, 0)
    for batch in named_batches(model, plan.rows, plan.classes):
        failures += batch.failures
        if batch.images:
            _, units, rows, cols = batch.activations.shape
            if levels is None:
                most, grid = len(plan.rows) * rows * cols, (rows, cols)
                levels = thresholds_for(units, plan.options.top_share, most, exact_bytes)
            levels.update(batch.activations)
            seen |= {image.image_id for image in batch.images}
            for objects in batch.objects:
                areas.update(objects)
        advance(batch.rows)
    if levels is None or not areas.names:
        reason = f"; the first: {failures[0].uri}: {failures[0].error}" if failures else ""
        raise AuditError(
            f"no named object could be read in {len(plan.rows)} images of {plan.run.root}"
            f"{reason}. {NAMES_NEEDED}"
        )
    return FirstLook(levels.compute(), areas, seen, grid, failures)


def sum_overlaps(
    plan: DissectionPlan, model: AuditedModel, first: FirstLook, advance: Callable[[int], None]
) -> SecondLook:
    """The second pass: over the images that could be read and whose objects are named."""
    rows = [row for row in plan.rows if plan.named(row) and row["image_id"] in first.seen]
    device = torch.device(model.device)
    sums = OverlapSums(first.thresholds, first.areas, device)
    shuffled, others = (
        OverlapSums(first.thresholds, first.areas, device),
        ShuffledObjects(plan, rows),
    )
    strongest = StrongestRegions(len(first.thresholds.level), plan.options.pictures)
    failures: list[Failure] = []
    for batch in named_batches(model, rows, plan.classes):
        failures += batch.failures
        found = zip(batch.images, batch.activations, batch.objects, strict=True)
        for image, activations, objects in found:
            if objects:
                sizes = sums.update(activations, objects)
                strongest.update(image.image_id, activations.amax(dim=(1, 2)), sizes)
            if lent := others.of(image.image_id):
                shuffled.update(activations, lent)
        advance(batch.rows)
    return SecondLook(sums.compute(), shuffled.compute(), strongest.compute(), failures)
