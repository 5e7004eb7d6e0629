"""The images that excite a unit most, with its region and the object that it is held against."""

from typing import Any

from tasks.dissection.dissection import UnitFound, UnitPicture
from tasks.dissection.named_batches import NamedBatch, named_batches
from tasks.dissection.plan import DissectionPlan
from tasks.dissection.regions import unit_regions
from tasks.dissection.thresholds import Thresholds
from tasks.explain.audited_model import AuditedModel


def draw_units(
    plan: DissectionPlan,
    model: AuditedModel,
    thresholds: Thresholds,
    units: list[UnitFound],
    strongest: list[list[int]],
) -> dict[int, list[UnitPicture]]:
    """Pictures of the units of the highest IoU, the best first. An image that can no longer be
    read is left out.

    units : in the order of their numbers
    strongest : image_ids of each unit
    """
    alive = [unit for unit in units if unit.concept]
    best = sorted(alive, key=lambda unit: (-unit.iou, unit.unit))[: plan.options.shown]
    wanted = {unit.unit: strongest[unit.unit] for unit in best}
    by_image: dict[int, list[int]] = {}
    for unit, images in wanted.items():
        for image_id in images:
            by_image.setdefault(image_id, []).append(unit)
    drawn = {
        (picture.unit, picture.image_id): picture
        for batch in named_batches(model, _rows(plan, sorted(by_image)), plan.classes)
        for picture in _pictures(batch, by_image, thresholds, units, plan)
    }
    return {
        unit: [drawn[unit, image_id] for image_id in images if (unit, image_id) in drawn]
        for unit, images in wanted.items()
    }


def _rows(plan: DissectionPlan, image_ids: list[int]) -> list[dict[str, Any]]:
    chosen = set(image_ids)
    return [row for row in plan.rows if row["image_id"] in chosen]


def _pictures(
    batch: NamedBatch,
    by_image: dict[int, list[int]],
    thresholds: Thresholds,
    units: list[UnitFound],
    plan: DissectionPlan,
) -> list[UnitPicture]:
    rows = _rows(plan, [image.image_id for image in batch.images])
    uris = {row["image_id"]: row["uri"] for row in rows}
    pictures = []
    for image, maps, objects in zip(batch.images, batch.activations, batch.objects, strict=True):
        wanted = by_image[image.image_id]
        own = maps[wanted].cpu()
        level, least = thresholds.level[wanted], thresholds.least[wanted]
        regions = unit_regions(own, level, least, image.placement.crop).numpy()
        inside = {each.name: each.inside for each in objects if each.inside.any()}
        pictures += [
            UnitPicture(
                unit=unit,
                image_id=image.image_id,
                uri=uris[image.image_id],
                activation=float(own[place].max()),
                view=image.pixels.permute(1, 2, 0).contiguous().numpy(),
                region=regions[place],
                object=inside.get(units[unit].concept),
            )
            for place, unit in enumerate(wanted)
        ]
    return pictures
