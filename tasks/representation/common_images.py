"""The images that every view is compared on, with their features and the model's answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from tasks.errors import AuditError
from tasks.explain.audited_model import AuditedModel
from tasks.images.inputs import Failure
from tasks.representation.answers import HEAD, Key, Labels, head_answers
from tasks.representation.extraction import Extracted, extract_views
from tasks.representation.map_box import Box
from tasks.representation.plan import RepresentationPlan, in_every_fold
from tasks.representation.predicted_maps import predicted_maps
from tasks.representation.views import FULL, MAP_BOX, TRUE_BOX, ViewReader

Pooled = dict[str, npt.NDArray[np.float16]]

CHANGED = 0.02  # of a feature vector's length: beyond rounding and another machine's kernels


@dataclass(frozen=True)
class Compared:
    """The images that all views share.

    boxes : by view; empty without crops
    without_object : images left out because they have no true box
    changed : images whose features are no longer those that the audit stored
    """

    image_id: npt.NDArray[np.int64]
    label: Labels
    pooled: Pooled
    heads: dict[Key, Labels]
    boxes: dict[str, list[Box | None]]
    without_object: int
    changed: int
    failures: list[Failure]


def compare_whole_images(plan: RepresentationPlan) -> Compared:
    """From the stored tables alone: no forward."""
    features = plan.features
    table = plan.run.dataset("predictions").to_table(
        columns=["image_id", "predicted"],
        filter=pc.field("image_id").isin(features.image_id.tolist()),
    )
    predicted = table.sort_by("image_id")["predicted"].to_numpy().astype(np.int32)
    return Compared(
        features.image_id, features.label, {FULL: features.pooled}, {(FULL, HEAD): predicted},
        {}, 0, 0, [],
    )  # fmt: skip


def compare_crops(
    plan: RepresentationPlan, model: AuditedModel, advance: Callable[[int], None]
) -> Compared:
    """Three forwards for each image: whole, cropped by its map, cropped by its true box.

    The map is that of the predicted class, so no label has a part in the crop. The true box is
    compared where at least half of the images have one, and then all views are compared on
    those images alone.

    advance : is told how many images were done

    Raises: AuditError where too few images can still be read.
    """
    ids, found = plan.features.image_id, _extract(plan, model, advance)
    kept = np.isin(ids, found.image_id)
    label, stored = plan.features.label[kept], plan.features.pooled[kept]
    chosen, with_objects = _common_images(found, label, plan.options.folds)
    _refuse_too_few(found, label[chosen], plan.options.folds)
    views = (FULL, MAP_BOX, TRUE_BOX) if with_objects else (FULL, MAP_BOX)
    places = np.flatnonzero(chosen)
    own = {FULL: stored, **{view: found.pooled[view] for view in views[1:]}}
    return Compared(
        image_id=found.image_id[chosen],
        label=label[chosen],
        pooled={view: own[view][chosen] for view in views},
        heads=head_answers({view: found.logits[view][chosen] for view in views}, label[chosen]),
        boxes={view: [found.boxes[view][i] for i in places] for view in views[1:]},
        without_object=int((~chosen).sum()),
        changed=int(_differ(stored, found.pooled[FULL])[chosen].sum()),
        failures=found.failures,
    )


def _extract(
    plan: RepresentationPlan, model: AuditedModel, advance: Callable[[int], None]
) -> Extracted:
    ids = plan.features.image_id
    manifest = plan.run.dataset("manifest").to_table(filter=pc.field("image_id").isin(ids.tolist()))
    rows: list[dict[str, Any]] = manifest.sort_by("image_id").to_pylist()
    reader = ViewReader(model.preprocessing, predicted_maps(plan.run, ids))
    return extract_views(model, rows, reader, advance)


def _refuse_too_few(found: Extracted, label: Labels, folds: int) -> None:
    """The plan had enough: what is missing now can no longer be read."""
    if len(np.unique(label)) < 2:
        first = found.failures[0]
        raise AuditError(
            f"{len(found.failures)} images can no longer be read, and what is left is too little "
            f"for {folds} folds; the first: {first.uri}: {first.error}. Bring the images back"
        )


def _common_images(
    found: Extracted, label: Labels, folds: int
) -> tuple[npt.NDArray[np.bool_], bool]:
    """Which images are compared, and whether by their true boxes, too."""
    has_object = np.array([box is not None for box in found.boxes[TRUE_BOX]], dtype=bool)
    for chosen, with_objects in ((has_object, True), (np.ones_like(has_object), False)):
        if with_objects and 2 * chosen.sum() < len(chosen):
            continue
        viable = chosen.copy()
        viable[chosen] = in_every_fold(label[chosen], folds)
        if len(np.unique(label[viable])) >= 2 or not with_objects:
            return viable, with_objects
    raise AssertionError("the second choice always returns")


def _differ(
    stored: npt.NDArray[np.float16], again: npt.NDArray[np.float16]
) -> npt.NDArray[np.bool_]:
    before, now = stored.astype(np.float64), again.astype(np.float64)
    changed: npt.NDArray[np.bool_] = np.linalg.norm(
        now - before, axis=1
    ) > CHANGED * np.linalg.norm(before, axis=1)
    return changed
