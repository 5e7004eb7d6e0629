"""Informative objects of the scenes of each class (Zhou et al. 2016, arXiv:1512.04150, section
4.2), from the stored maps of a finished audit."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from tasks.images.decoding import ImageSource, UnreadableImage
from tasks.images.inputs import Failure
from tasks.informative_objects.class_objects import ClassObjects, InformativeObjects
from tasks.informative_objects.map_regions import Ranks, enlarged, ranks
from tasks.informative_objects.overlap_counts import LEAST_LENDERS, OverlapCounts
from tasks.informative_objects.plan import ObjectsPlan
from tasks.informative_objects.ranking import objects_table, rank_objects
from tasks.informative_objects.scene_pictures import draw_scenes, objects_of


def find_objects(plan: ObjectsPlan, advance: Callable[[int], None]) -> InformativeObjects:
    """Hold each map against the objects of its image, class by class.

    advance : is told how many images were done
    """
    by_class: dict[int, list[dict[str, Any]]] = {}
    for row in plan.rows:
        by_class.setdefault(row["predicted"], []).append(row)
    counts: dict[int, OverlapCounts] = {}
    failures: list[Failure] = []
    for class_idx, rows in sorted(by_class.items()):
        counts[class_idx], broken = count_overlaps(plan, class_idx, rows, advance)
        failures += broken
    classes = rank_objects(counts, plan.facts["classes"])
    facts = _facts(plan, classes, failures)
    pictures = draw_scenes(plan, classes)
    return InformativeObjects(facts, plan.facts, classes, pictures, objects_table(classes))


def count_overlaps(
    plan: ObjectsPlan, class_idx: int, rows: list[dict[str, Any]], advance: Callable[[int], None]
) -> tuple[OverlapCounts, list[Failure]]:
    """The images that are rightly predicted as one class.

    rows : of `plan.rows`
    """
    options, side = plan.options, plan.facts["preprocessing"]["crop"]
    lent = _lent_ranks(plan, class_idx, [row["image_id"] for row in rows])
    counts = OverlapCounts(options.share, options.covered, lent, options.lenders)
    source, failures = ImageSource(), list[Failure]()
    for row in rows:
        try:
            objects = objects_of(plan, row, source)
        except UnreadableImage as error:
            reason = f"{row['mask_uri']}: {error}"
            failures.append(Failure(row["image_id"], row["uri"], "mask", reason))
        else:
            if objects:
                view = enlarged(plan.maps[row["image_id"]], side)
                counts.update(row["image_id"], view, objects)
        advance(1)
    return counts, failures


def _lent_ranks(plan: ObjectsPlan, class_idx: int, image_ids: list[int]) -> dict[int, Ranks]:
    """One more than are lent to an image: its own is not."""
    generator = np.random.default_rng([plan.options.seed, class_idx])
    drawn = generator.permutation(np.array(image_ids))[: plan.options.lenders + 1]
    side = plan.facts["preprocessing"]["crop"]
    return {int(i): ranks(enlarged(plan.maps[int(i)], side), generator) for i in drawn}


def _facts(
    plan: ObjectsPlan, classes: list[ClassObjects], failures: list[Failure]
) -> dict[str, Any]:
    """Content of objects.json."""
    objects = [each for found in classes for each in found.objects]
    return {
        "run": str(plan.run.root.resolve()),
        "shard_keys": plan.audit_key,
        "method": plan.run.first_method(),
        "target_layer": plan.facts["model"]["target_layer"],
        "images": {
            "right": plan.right,
            "without_map": plan.without_map,
            "used": sum(each.images for each in classes),
        },
        "classes": len(classes),
        "objects": len({each.name for each in objects}),
        "sources": {
            "mask": sum(each.mask_images for each in objects),
            "box": sum(each.box_images for each in objects),
        },
        **asdict(plan.options),
        "least_lenders": LEAST_LENDERS,
        "failures": [asdict(failure) for failure in failures],
    }
