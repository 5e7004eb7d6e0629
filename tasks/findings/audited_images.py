"""The verdicts as they are read here: checked once, in one order."""

from typing import Any

import numpy as np
import pandas as pd

from tasks.errors import AuditError
from tasks.tables.background_schemas import VERDICT_TABLE
from tasks.tables.storage import RunFolder

_NEEDED = ("image_id", "label", "predicted", "correct", "inclusion", "gap", "turned",
           "right_replaced", "reliance", "verdict")  # fmt: skip


def read_verdicts(run: RunFolder) -> pd.DataFrame:
    """Those columns of `verdicts` that `audited_images` reads; columns that are missing are left to
    it."""
    verdicts = run.dataset("verdicts")
    return verdicts.to_table([n for n in _NEEDED if n in verdicts.schema.names]).to_pandas()


def audited_images(verdicts: pd.DataFrame) -> pd.DataFrame:
    """The labelled images by image_id, so that no number depends on the order of rows.

    verdicts : columns of VERDICT_TABLE, one row per labelled image

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
    images = verdicts[list(_NEEDED)].sort_values("image_id", kind="stable", ignore_index=True)
    twice = images["image_id"][images["image_id"].duplicated()]
    if len(twice):
        raise AuditError(
            f"image {twice.iloc[0]} has two verdicts; expected one row per labelled image. Write "
            "the verdicts again with the same 'camaudit run'"
        )
    kinds: dict[str, Any] = dict.fromkeys(("image_id", "label", "predicted"), np.int64)
    kinds |= {"correct": bool}
    kinds |= dict.fromkeys(("inclusion", "gap", "turned", "right_replaced", "reliance"), np.float64)
    images = images.astype(kinds)
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
