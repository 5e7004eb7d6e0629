"""Answers, boxes and facts as they are written."""

from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.images.inputs import Failure
from tasks.representation.answers import Answers
from tasks.representation.map_box import Box
from tasks.representation.plan import RepresentationPlan
from tasks.representation.representation import Accuracy, ChangedAnswer, Comparison
from tasks.representation.views import FULL, MAP_BOX
from tasks.tables.concept_schemas import REPRESENTATION_ANSWERS, REPRESENTATION_BOXES

_SHOWN = 16
_SVM = "linear_svm"

Boxes = dict[str, list[Box | None]]


def facts_of(
    plan: RepresentationPlan,
    counts: dict[str, int],
    accuracies: list[Accuracy],
    comparisons: list[Comparison],
    failures: list[Failure],
) -> dict[str, Any]:
    """Content of representation.json."""
    options = plan.options
    return {
        "run": str(plan.run.root.resolve()),
        "shard_keys": plan.audit_key,
        "target_layer": plan.features.target_layer,
        "method": plan.run.first_method(),
        **counts,
        "folds": options.folds,
        "c": options.c,
        "crops": options.crops,
        "seed": options.seed,
        "accuracies": [asdict(each) for each in accuracies],
        "comparisons": [
            {key: value for key, value in asdict(each).items() if key != "paired"}
            | vars(each.paired)
            for each in comparisons
        ],
        "failures": [asdict(failure) for failure in failures],
    }


def answers_table(answers: Answers) -> pa.Table:
    """Rows of schema REPRESENTATION_ANSWERS, one view and classifier after the other."""
    return pa.concat_tables(
        pa.table(
            {
                "image_id": answers.image_id,
                "label": answers.label,
                "fold": answers.fold,
                "view": [view] * len(answers.label),
                "classifier": [classifier] * len(answers.label),
                "predicted": predicted,
                "correct": answers.correct((view, classifier)),
            },
            schema=REPRESENTATION_ANSWERS,
        )
        for (view, classifier), predicted in answers.predicted.items()
    )


def boxes_table(answers: Answers, boxes: Boxes) -> pa.Table:
    """Rows of schema REPRESENTATION_BOXES."""
    edges = ("top", "left", "bottom", "right")
    rows = [
        {"image_id": image_id, "view": view, "found": box is not None}
        | dict(zip(edges, box or (None,) * 4, strict=True))
        for view, of_images in boxes.items()
        for image_id, box in zip(answers.image_id.tolist(), of_images, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=REPRESENTATION_BOXES)


def changed_answers(
    plan: RepresentationPlan, answers: Answers, boxes: Boxes
) -> tuple[list[ChangedAnswer], list[ChangedAnswer]]:
    """Images that the SVM has right on the map's crop alone, and on the whole image alone; of each
    a few, drawn at random."""
    if not boxes:
        return [], []
    full, cropped = answers.correct((FULL, _SVM)), answers.correct((MAP_BOX, _SVM))
    generator = np.random.default_rng(plan.options.seed)
    sides: list[list[ChangedAnswer]] = []
    for differs in (cropped & ~full, full & ~cropped):
        places = np.sort(generator.permutation(np.flatnonzero(differs))[:_SHOWN])
        sides.append(_changed(plan, answers, boxes, places))
    return sides[0], sides[1]


def _changed(
    plan: RepresentationPlan, answers: Answers, boxes: Boxes, places: npt.NDArray[np.int64]
) -> list[ChangedAnswer]:
    ids, names = answers.image_id[places].tolist(), plan.facts["classes"]
    table = plan.run.dataset("manifest").to_table(
        columns=["image_id", "uri"], filter=pc.field("image_id").isin(ids)
    )
    uris = dict(zip(*table.to_pydict().values(), strict=True))
    return [
        ChangedAnswer(
            image_id=image_id,
            uri=uris[image_id],
            label=names[answers.label[place]],
            full=names[answers.predicted[FULL, _SVM][place]],
            cropped=names[answers.predicted[MAP_BOX, _SVM][place]],
            boxes={
                view: [float(box[edge]) for edge in (1, 0, 3, 2)]
                for view, of_images in boxes.items()
                if (box := of_images[place]) is not None
            },
        )
        for image_id, place in zip(ids, places.tolist(), strict=True)
    ]
