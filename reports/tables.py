"""The stored tables that the report is drawn from, without the maps themselves."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reports.background.stored_background import (
    StoredBackground,
    StoredContexts,
    load_background,
    load_contexts,
    optional_table,
)
from reports.faithfulness.stored_faithfulness import StoredFaithfulness, load_faithfulness
from reports.frames import read_frame
from reports.informative_objects.objects_table import load_objects
from reports.localization.stored_localization import StoredLocalization, load_localization
from reports.patterns.stored_units import StoredUnits, load_units
from tasks.errors import AuditError
from tasks.tables.by_image import is_among
from tasks.tables.image_schema import COUNTED_ROLES, IMAGES
from tasks.tables.storage import RunFolder

_NUMBERS = [name for name in IMAGES.names if name != "uri"]  # longer than all of them
_WORDS = ["object_source", *(f"{role}_state" for role in COUNTED_ROLES)]


@dataclass(frozen=True)
class AuditTables:
    """One finished audit.

    audit : content of audit.json
    first_pass : content of first_pass.json; empty where there is none
    images : one row per audited image, by image_id, with the columns `labelled` and `mistake`
        (bool)
    class_stats, confusions, failures : as stored
    faithfulness : None where it was not measured
    background, contexts, patterns : None where the audit is older than they are; without labels
        there is no background. patterns is `explanation_clusters`
    localization, units : None where the audit is older than they are
    objects : rows of `informative_objects` by class; None where they were not counted
    """

    run: RunFolder
    audit: dict[str, Any]
    first_pass: dict[str, Any]
    images: pd.DataFrame
    class_stats: pd.DataFrame
    confusions: pd.DataFrame
    failures: pd.DataFrame
    faithfulness: StoredFaithfulness | None
    background: StoredBackground | None
    contexts: StoredContexts | None
    patterns: pd.DataFrame | None
    localization: StoredLocalization | None
    units: StoredUnits | None
    objects: dict[int, list[dict[str, Any]]] | None

    @property
    def labelled(self) -> int:
        """Audited images with a known label."""
        return int(self.images["labelled"].sum())

    @property
    def unread(self) -> pd.DataFrame:
        """Failures that cost the image its audit; a bad mask costs only the mask."""
        return self.failures[self.failures["stage"] != "mask"]

    @property
    def crop(self) -> tuple[int, int]:
        """Shorter side after the resize and side of the crop, pixels."""
        settings = self.audit.get("preprocessing") or {}
        try:
            return int(settings["resize"]), int(settings["crop"])
        except (KeyError, TypeError, ValueError) as error:
            raise AuditError(
                f"{self.run.audit_file} says nothing usable under preprocessing; expected whole "
                f"numbers resize and crop, got {settings!r}. Run the audit again with this version"
            ) from error

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the target layer's cells; 0 and 0 where unknown."""
        model = self.audit.get("model") or {}
        rows, cols = model.get("rows"), model.get("cols")
        return (rows, cols) if isinstance(rows, int) and isinstance(cols, int) else (0, 0)

    @property
    def even_border_share(self) -> float:
        """What an even map has in its outermost ring of cells; NaN where the grid is unknown."""
        rows, cols = self.grid
        if not rows * cols:
            return float("nan")
        return 1 - max(0, rows - 2) * max(0, cols - 2) / (rows * cols)

    def rows_of(self, image_ids: Collection[int]) -> pd.DataFrame:
        """The rows of `images` of those of these images that were audited, by image_id."""
        known = self.images["image_id"].to_numpy()
        wanted = np.unique(np.fromiter(image_ids, np.int64, len(image_ids)))
        return self.images.iloc[np.searchsorted(known, wanted[is_among(wanted, known)])]

    def class_name(self, class_idx: int) -> str:
        """The class's name; 'class 7' where the audit does not name it."""
        names = self.audit.get("classes") or []
        return str(names[class_idx]) if 0 <= class_idx < len(names) else f"class {class_idx}"


def load_tables(run: RunFolder) -> AuditTables:
    """Read everything but the maps.

    Raises: AuditError for a folder that is no audit, and for an audit that has not finished.
    """
    audit = run.audit()
    return AuditTables(
        run=run,
        audit=audit,
        first_pass=_read_optional(run.first_pass_file),
        images=_images(run),
        class_stats=run.dataset("class_stats").to_table().to_pandas(),
        confusions=run.dataset("confusions").to_table().to_pandas(),
        failures=run.filled("failures").to_table().to_pandas(),
        faithfulness=load_faithfulness(run),
        background=load_background(run),
        contexts=load_contexts(run),
        patterns=optional_table(run, "explanation_clusters"),
        localization=load_localization(run),
        units=load_units(run),
        objects=load_objects(run),
    )


def _images(run: RunFolder) -> pd.DataFrame:
    stored = run.dataset("images").schema.names
    if missing := [name for name in IMAGES.names if name not in stored]:
        raise AuditError(
            f"table 'images' in {run.root} is of an earlier version, which lacks "
            f"{', '.join(missing)}. Run the same 'camaudit run' command again; what shards hold is "
            "not computed anew"
        )
    images = read_frame(run, "images", _NUMBERS, words=_WORDS)
    images["labelled"] = images["label"] >= 0
    right = images["correct"].fillna(False).astype(bool)  # NA where the label is unknown
    images["mistake"] = images["labelled"] & ~right
    if images["image_id"].is_monotonic_increasing:
        return images
    return images.sort_values("image_id", ignore_index=True)


def _read_optional(file: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return content
