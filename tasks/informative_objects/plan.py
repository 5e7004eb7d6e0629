"""Which images speak for each class: checked before anything is read."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from tasks.dissection.named_audit import COLUMNS, finished_facts, require_names
from tasks.errors import AuditError
from tasks.images.named_objects import has_names
from tasks.tables.completion import audit_key
from tasks.tables.storage import RunFolder


@dataclass(frozen=True)
class ObjectsOptions:
    """What a user may choose.

    share : of the map's maximum, from which on a pixel belongs to the region, in (0, 1]
    covered : share of an object that the region must cover, in (0, 1]
    lenders : maps of other images of the class, at most, at least 1
    pictures : of each class that is shown, at least 0
    seed : of the choice of lenders and of the order of equal pixels
    """

    share: float = 0.2
    covered: float = 0.5
    lenders: int = 50
    pictures: int = 4
    seed: int = 0


@dataclass(frozen=True)
class ObjectsPlan:
    """rows : of the manifest with `width`, `height`, `predicted` and `probability`, by image_id:
        rightly predicted, with a map and with named objects
    maps : by image_id, float16, shape (rows, cols)
    without_map : images that are left out because their map is empty or not finite
    right : rightly predicted images in all
    """

    run: RunFolder
    facts: dict[str, Any]
    audit_key: str
    options: ObjectsOptions
    rows: list[dict[str, Any]]
    maps: dict[int, npt.NDArray[np.float16]]
    without_map: int
    right: int


def plan_objects(run: RunFolder, options: ObjectsOptions) -> ObjectsPlan:
    """Find the images in a finished audit. Writes nothing.

    Raises: AuditError for a folder that holds no finished audit, for one that names no object or
    where no image of named objects is rightly predicted, and for options out of range.
    """
    _check(options)
    key, facts = audit_key(run), finished_facts(run)
    manifest = run.dataset("manifest").to_table(columns=COLUMNS).sort_by("image_id").to_pylist()
    require_names(run, manifest, facts["classes"])
    columns = ["image_id", "predicted", "probability", "width", "height"]
    right = run.dataset("predictions").to_table(columns=columns, filter=pc.field("correct"))
    of_image = {row["image_id"]: row for row in right.to_pylist()}
    rows = [
        {**row, **of_image[row["image_id"]]}
        for row in manifest
        if row["image_id"] in of_image and has_names(row, facts["classes"])
    ]
    if not rows:
        raise AuditError(
            f"no rightly predicted image of {run.root} has named objects: expected some of "
            f"{len(manifest)} images, got {right.num_rows} that are rightly predicted. Audit "
            "images with labels, and name the objects of those that the model has right"
        )
    maps = _predicted_maps(run, {row["image_id"] for row in rows})
    kept = [row for row in rows if row["image_id"] in maps]
    return ObjectsPlan(run, facts, key, options, kept, maps, len(rows) - len(kept), right.num_rows)


def _predicted_maps(run: RunFolder, wanted: set[int]) -> dict[int, npt.NDArray[np.float16]]:
    """By the first method; scaled to a maximum of 1, which their regions do not see."""
    chosen = (
        (pc.field("role") == "predicted")
        & (pc.field("state") == "ok")
        & (pc.field("method") == run.first_method())
    )
    columns = ["image_id", "rows", "cols", "heatmap"]
    maps: dict[int, npt.NDArray[np.float16]] = {}
    for batch in run.dataset("heatmaps").to_batches(columns=columns, filter=chosen):
        if not batch.num_rows:
            continue
        cells = batch["heatmap"].flatten().to_numpy(zero_copy_only=False)
        shape = (batch.num_rows, batch["rows"][0].as_py(), batch["cols"][0].as_py())
        for image_id, grid in zip(batch["image_id"].to_pylist(), cells.reshape(shape), strict=True):
            # float16 may have rounded the whole of a map to nothing.
            if image_id in wanted and grid.max() > 0:
                maps[image_id] = grid.copy()
    return maps


def _check(options: ObjectsOptions) -> None:
    for name in ("share", "covered"):
        value = getattr(options, name)
        if not 0 < value <= 1:
            raise AuditError(f"{name}: expected above 0 up to 1, got {value}")
    for name, least in (("lenders", 1), ("pictures", 0), ("seed", 0)):
        if getattr(options, name) < least:
            raise AuditError(f"{name}: expected {least} or more, got {getattr(options, name)}")
