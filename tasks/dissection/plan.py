"""What will be dissected: checked before the model is built."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.dissection.named_audit import COLUMNS, finished_facts, require_names
from tasks.errors import AuditError
from tasks.images.named_objects import has_names
from tasks.statistics.sampling import stratified_sample
from tasks.tables.completion import audit_key
from tasks.tables.storage import RunFolder


@dataclass(frozen=True)
class DissectionOptions:
    """What a user may choose.

    top_share : of all positions, above a unit's threshold, in (0, 0.5]
    iou : that a label must exceed, in [0, 1)
    images : to look at, at most, each label its share; None for all
    shown : units with pictures, at most, at least 0
    pictures : of each of them, at least 1
    seed : of the sample and of the shuffle
    """

    top_share: float = 0.005
    iou: float = 0.04
    images: int | None = None
    shown: int = 24
    pictures: int = 4
    seed: int = 0


@dataclass(frozen=True)
class DissectionPlan:
    """rows : of the manifest with `width` and `height`, by image_id
    audited : images that they were drawn from
    """

    run: RunFolder
    facts: dict[str, Any]
    audit_key: str
    options: DissectionOptions
    rows: list[dict[str, Any]]
    audited: int

    @property
    def classes(self) -> list[str]:
        """The name of each class."""
        names: list[str] = self.facts["classes"]
        return names

    def named(self, row: dict[str, Any]) -> bool:
        """Whether an object of the image has a name."""
        return has_names(row, self.classes)


def plan_dissection(run: RunFolder, options: DissectionOptions) -> DissectionPlan:
    """Check the options against a finished audit and draw the sample. Writes nothing.

    Raises: AuditError for a folder that holds no finished audit, for one whose manifest names no
    object, and for options out of range.
    """
    _check(options)
    key, facts = audit_key(run), finished_facts(run)
    rows = run.dataset("manifest").to_table(columns=COLUMNS).sort_by("image_id").to_pylist()
    require_names(run, rows, facts["classes"])
    columns = ["image_id", "width", "height"]
    sizes = {
        row["image_id"]: row
        for row in run.dataset("predictions").to_table(columns=columns).to_pylist()
    }
    rows = [{**row, **sizes[row["image_id"]]} for row in rows if row["image_id"] in sizes]
    audited = len(rows)
    if options.images is not None:
        ids, strata = (np.array([row[n] for row in rows]) for n in ("image_id", "label"))
        drawn = stratified_sample(ids, strata, options.images, options.seed)
        chosen = set(drawn.tolist())
        rows = [row for row in rows if row["image_id"] in chosen]
    require_names(run, rows, facts["classes"])
    return DissectionPlan(run, facts, key, options, rows, audited)


def _check(options: DissectionOptions) -> None:
    if not 0 < options.top_share <= 0.5:
        raise AuditError(f"top_share: expected above 0 up to 0.5, got {options.top_share}")
    if not 0 <= options.iou < 1:
        raise AuditError(f"iou: expected 0 or more and less than 1, got {options.iou}")
    if options.images is not None and options.images < 1:
        raise AuditError(f"images: expected at least 1, got {options.images}")
    for name, least in (("shown", 0), ("pictures", 1), ("seed", 0)):
        if getattr(options, name) < least:
            raise AuditError(f"{name}: expected {least} or more, got {getattr(options, name)}")
