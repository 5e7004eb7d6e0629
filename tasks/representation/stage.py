"""Deep features as a representation: from the images' features to accuracies side by side."""

import numpy as np

from tasks.representation.answers import accuracies, answer, comparisons
from tasks.representation.common_images import Compared
from tasks.representation.plan import RepresentationPlan
from tasks.representation.representation import Representation
from tasks.representation.tables import answers_table, boxes_table, changed_answers, facts_of
from tasks.representation.views import MAP_BOX


def judge(plan: RepresentationPlan, compared: Compared) -> Representation:
    """Train, answer and compare."""
    options = plan.options
    answers = answer(compared.image_id, compared.label, compared.pooled, compared.heads, options)
    told, pairs = accuracies(answers), comparisons(answers, options.seed)
    gained, lost = changed_answers(plan, answers, compared.boxes)
    counts = {
        "labelled": plan.labelled,
        "images": len(answers.label),
        "classes": len(np.unique(answers.label)),
        "rare": plan.rare,
        "without_object": compared.without_object,
        "changed": compared.changed,
        "without_map": sum(box is None for box in compared.boxes.get(MAP_BOX, [])),
        "unreadable": len({failure.image_id for failure in compared.failures}),
    }
    return Representation(
        facts=facts_of(plan, counts, told, pairs, compared.failures),
        model=plan.facts,
        accuracies=told,
        comparisons=pairs,
        gained=gained,
        lost=lost,
        tables={"answers": answers_table(answers)}
        | ({"boxes": boxes_table(answers, compared.boxes)} if compared.boxes else {}),
    )
