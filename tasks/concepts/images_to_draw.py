"""Which pictures tell most about a concept."""

import numpy as np
import numpy.typing as npt

from tasks.concepts.concept import Group
from tasks.concepts.plan import ConceptPlan


def images_to_draw(
    plan: ConceptPlan, scores: npt.NDArray[np.float64]
) -> tuple[dict[Group, list[int]], list[int]]:
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
