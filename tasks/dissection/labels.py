"""From overlaps to labels of units."""

import numpy as np

from tasks.dissection.concept_areas import ConceptAreas
from tasks.dissection.dissection import ConceptFound, UnitFound
from tasks.dissection.overlaps import Overlaps
from tasks.dissection.thresholds import Thresholds


def label_units(
    thresholds: Thresholds, overlaps: Overlaps, names: list[str], least_iou: float
) -> list[UnitFound]:
    """Each unit with its best concept; of equal ones the first in the order of names.

    names : of the C concepts
    least_iou : a label's IoU exceeds this
    """
    iou, within, chance = overlaps.iou, overlaps.iou_within, overlaps.chance
    states, found = thresholds.states, []
    for unit, best in enumerate(iou.argmax(axis=1).tolist()):
        value = float(iou[unit, best])
        found.append(
            UnitFound(
                unit=unit,
                state=states[unit],
                threshold=float(thresholds.level[unit]),
                concept=names[best] if value > 0 else "",
                iou=value,
                iou_within=float(within[unit, best]),
                chance=float(chance[unit, best]),
                label=names[best] if value > least_iou else "",
            )
        )
    return found


def describe_concepts(
    areas: ConceptAreas, overlaps: Overlaps, units: list[UnitFound]
) -> list[ConceptFound]:
    """Each concept with the units that it labels, in the order of names."""
    iou = overlaps.iou
    region = overlaps.union + overlaps.intersection  # |M| + |L|
    labels = [unit.label for unit in units]
    pixels = areas.pixels.flatten(1).sum(dim=1).numpy().astype(np.float64)
    found = []
    for place, name in enumerate(areas.names):
        own, size = region[:, place] - pixels[place], pixels[place]
        larger = np.maximum(own, size)
        reach = np.divide(np.minimum(own, size), larger, out=np.zeros_like(own), where=larger > 0)
        best = int(iou[:, place].argmax())
        found.append(
            ConceptFound(
                name=name,
                images=areas.held[name],
                mask_images=areas.masks[name],
                box_images=areas.boxes[name],
                area=areas.share(name),
                reachable=float(reach.max()),
                units=labels.count(name),
                best_unit=best,
                best_iou=float(iou[best, place]),
            )
        )
    return found
