"""The tables of localisation, where an audit has them."""

from dataclasses import dataclass

import pandas as pd

from tasks.tables.storage import RunFolder

_COLUMNS = [
    "image_id", "object_source", "box_top", "box_left", "box_bottom", "box_right", "iou",
    "centre_iou", "hit",
]  # fmt: skip


@dataclass(frozen=True)
class StoredLocalization:
    """Of images with a label and an object in the model's view; without any, all are empty.

    images : `localization`, without the hits by threshold
    stats, curves : `localization_stats` and `localization_curves`
    """

    images: pd.DataFrame
    stats: pd.DataFrame
    curves: pd.DataFrame


def load_localization(run: RunFolder) -> StoredLocalization | None:
    """None where the audit is older than these tables."""
    names = ("localization", "localization_stats", "localization_curves")
    if not all(run.is_written(name) for name in names):
        return None
    stats, curves = (run.dataset(name).to_table().to_pandas() for name in names[1:])
    stored = run.dataset(names[0])
    none = stored.schema.empty_table().select(_COLUMNS)
    images = (stored.to_table(columns=_COLUMNS) if len(stats) else none).to_pandas()
    return StoredLocalization(images.sort_values("image_id", ignore_index=True), stats, curves)
