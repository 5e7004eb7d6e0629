"""From counts to the ranking of each class's objects."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.informative_objects.class_objects import ClassObjects, ObjectOfClass
from tasks.informative_objects.overlap_counts import OverlapCounts
from tasks.statistics.intervals import wilson_interval
from tasks.tables.dissection_schemas import INFORMATIVE_OBJECTS


def rank_objects(counts: dict[int, OverlapCounts], names: list[str]) -> list[ClassObjects]:
    """Classes in the order of class_idx, each with its objects by the lower bound of how much
    oftener than by chance they are overlapped; those without a known chance come last, by the
    lower bound of their rate, and equal ones by name.

    names : of the classes
    """
    images = sum(each.images for each in counts.values())
    held = Counter[str]()
    for each in counts.values():
        held.update({name: found.with_object for name, found in each.objects.items()})
    ranked = []
    for class_idx, of_class in sorted(counts.items()):
        objects = [
            ObjectOfClass(
                name=name,
                images=of_class.images,
                with_object=found.with_object,
                overlapped=found.overlapped,
                chance=found.chance,
                mask_images=found.masks,
                box_images=found.with_object - found.masks,
                elsewhere=held[name] - found.with_object,
                elsewhere_images=images - of_class.images,
            )
            for name, found in of_class.objects.items()
        ]
        if of_class.images:
            objects.sort(key=_order)
            ranked.append(ClassObjects(class_idx, names[class_idx], of_class.images, objects))
    return ranked


def _order(each: ObjectOfClass) -> tuple[bool, float, str]:
    low = float(wilson_interval(each.overlapped, each.with_object)[0])
    unknown = bool(np.isnan(each.chance))
    return unknown, -low if unknown else each.chance - low, each.name


def objects_table(classes: list[ClassObjects]) -> pa.Table:
    """Of schema INFORMATIVE_OBJECTS."""
    rows = [_row(found, rank, each) for found in classes for rank, each in enumerate(found.objects)]
    return pa.Table.from_pylist(rows, INFORMATIVE_OBJECTS)


def _row(found: ClassObjects, rank: int, each: ObjectOfClass) -> dict[str, Any]:
    rate = each.overlapped / each.with_object
    low, high = (float(b) for b in wilson_interval(each.overlapped, each.with_object))
    often = [float(b) for b in wilson_interval(each.with_object, each.images)]
    known, chance = not np.isnan(each.chance), each.chance
    return {
        "class_idx": found.class_idx,
        "class_name": found.name,
        "rank": rank,
        "object": each.name,
        "images": each.images,
        "with_object": each.with_object,
        "overlapped": each.overlapped,
        "rate": rate,
        "rate_low": low,
        "rate_high": high,
        "chance": chance if known else None,
        "lift": rate / chance if known and chance > 0 else None,
        "difference": rate - chance if known else None,
        "difference_low": low - chance if known else None,
        "difference_high": high - chance if known else None,
        "frequency": each.with_object / each.images,
        "frequency_low": often[0],
        "frequency_high": often[1],
        "frequency_elsewhere": (
            each.elsewhere / each.elsewhere_images if each.elsewhere_images else None
        ),
        "mask_images": each.mask_images,
        "box_images": each.box_images,
    }
