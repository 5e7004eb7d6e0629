"""The verdicts as they are read here: checked once, in one order."""

from typing import Any

import numpy as np
import pandas as pd

from tasks.errors import AuditError
from tasks.tables.background_schemas import VERDICT_TABLE
from tasks.tables.by_image import columns_by_image, stored_image_ids
from tasks.tables.storage import RunFolder

_NEEDED = ("image_id", "label", "predicted", "correct", "inclusion", "gap", "turned",
           "right_replaced", "reliance", "verdict")  # fmt: skip
_KINDS: dict[str, Any] = {
    **dict.fromkeys(("image_id", "label", "predicted"), np.int64),
    "correct": bool,
    **dict.fromkeys(("inclusion", "gap", "turned", "right_replaced", "reliance"), np.float64),
}


def read_verdicts(run: RunFolder) -> pd.DataFrame:
    """Those columns of `verdicts` that `audited_images` reads, by image_id and of the types that it
    returns; columns that are missing are left to it."""
    stored = run.dataset("verdicts").schema.names
    image_id = stored_image_ids(run, "verdicts")
    columns = {"image_id": image_id}
    for name in (name for name in _NEEDED[1:] if name in stored):  # one at a time: the types grow
        (values,) = columns_by_image(run, "verdicts", [name], image_id).values()
        columns[name] = values.astype(_KINDS[name], copy=False) if name in _KINDS else values
    return pd.DataFrame(columns, copy=False)


def audited_images(verdicts: pd.DataFrame) -> pd.DataFrame:
    """The labelled images by image_id, so that no number depends on the order of rows.

    verdicts : columns of VERDICT_TABLE, one row per labelled image; what this returns is returned
        as it is, uncopied

    Returns: the columns image_id, label, predicted (int64), correct (bool), inclusion, gap, turned,
        right_replaced, reliance (float64, NaN where unknown), verdict, and
        tested (bool) : has been through the second pass
        driven (float64) : 1 where the verdict is `confirmed`, else 0; NaN where not tested, and
            where no other image had a background to lend

    Raises: AuditError for a missing column, an image given twice and one with a number that says
    nothing about it (a `correct` that contradicts its classes).
    """
    missing = [name for name in _NEEDED if name not in verdicts]
    if missing:
        raise AuditError(
            f"verdicts lack {', '.join(missing)}; expected the columns "
            f"{', '.join(VERDICT_TABLE.names)}. Write them again with the same 'camaudit run'"
        )
    images = verdicts[list(_NEEDED)]
    if not images["image_id"].is_monotonic_increasing:
        images = images.sort_values("image_id", kind="stable", ignore_index=True)
    image_id = images["image_id"].to_numpy()
    twice = image_id[1:][image_id[1:] == image_id[:-1]]
    if len(twice):
        raise AuditError(
            f"image {twice[0]} has two verdicts; expected one row per labelled image. Write "
            "the verdicts again with the same 'camaudit run'"
        )
    images = images.astype(_KINDS)
    wrong = images[images["correct"] != (images["label"] == images["predicted"])]
    if len(wrong):
        first = wrong.iloc[0]
        raise AuditError(
            f"image {first['image_id']} has label {first['label']}, prediction "
            f"{first['predicted']} and correct = {first['correct']}: they contradict each other"
        )
    images["tested"] = images["inclusion"].notna()
    confirmed = (images["verdict"] == "confirmed").astype(np.float64)
    judged = images["tested"] & images["right_replaced"].notna()
    images["driven"] = confirmed.where(judged)
    return images
