"""The tables of units, where an audit has them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reports.background.stored_background import optional_table
from reports.patterns.unit_layers import UnitLayer
from tasks.tables.storage import RunFolder

UnitKey = tuple[int, int]  # class_idx, -1 for all images; unit
ALL_IMAGES = -1

_TABLES = (
    "unit_stats", "layer_stats", "unit_classes", "shared_units", "class_features",
    "near_duplicates",
)  # fmt: skip
_ENTRY = [
    "class_idx", "unit", "rank", "image_id", "activation", "row", "col", "rf_top", "rf_left",
    "rf_bottom", "rf_right",
]  # fmt: skip


@dataclass(frozen=True)
class UnitImage:
    """A place among the images that excite a unit most, or least.

    activation : the unit's peak
    row, col : of the peak's cell
    field : the receptive field: top, left, bottom, right in pixels of the image, clipped to what
        the model saw
    """

    image_id: int
    activation: float
    row: int
    col: int
    field: tuple[int, int, int, int]


@dataclass(frozen=True)
class StoredUnits:
    """layers : as audit.json lists them, the target layer first
    stats, layer_stats, classes, shared, features : `unit_stats`, `layer_stats`, `unit_classes`,
        `shared_units` and `class_features`
    driven : `driven_units`; None where there was no second pass
    first_id : by image_id, of images that another one stands for
    """

    layers: list[UnitLayer]
    stats: pd.DataFrame
    layer_stats: pd.DataFrame
    classes: pd.DataFrame
    shared: pd.DataFrame
    features: pd.DataFrame
    driven: pd.DataFrame | None
    first_id: dict[int, int]

    @staticmethod
    def of_layer(rows: pd.DataFrame, layer: str) -> pd.DataFrame:
        """The rows of one of these tables that are of one layer."""
        return rows[rows["target_layer"] == layer]


def load_units(run: RunFolder) -> StoredUnits | None:
    """None where the audit is older than these tables."""
    layers = (run.audit().get("model") or {}).get("unit_layers") or []
    if not layers or not all(run.is_written(name) for name in (*_TABLES, "units")):
        return None
    stats, layer_stats, classes, shared, features, duplicates = (
        run.dataset(name).to_table().to_pandas() for name in _TABLES
    )
    driven = optional_table(run, "driven_units")
    ids = duplicates["image_id"].tolist(), duplicates["first_id"].tolist()
    first_id = {int(i): int(first) for i, first in zip(*ids, strict=True)}
    return StoredUnits(
        [UnitLayer.of(facts) for facts in layers],
        stats, layer_stats, classes, shared, features, driven, first_id,
    )  # fmt: skip


def fetch_unit_images(
    run: RunFolder, table: str, layer: str, wanted: set[UnitKey], most: int
) -> dict[UnitKey, list[UnitImage]]:
    """The first `most` images of each wanted unit, the first rank first. The table is read in
    pieces: with many units and classes it has more rows than memory may hold.

    table : `units` or `units_least`
    """
    if not wanted or not run.is_written(table):
        return {}
    chosen = (pc.field("rank") < most) & (pc.field("target_layer") == layer)
    # Looked up for each of many million rows: a table is far faster than a search.
    keys = np.array(sorted(wanted)) - [ALL_IMAGES, 0]
    table_of_keys = np.zeros(keys.max(axis=0) + 1, dtype=np.bool_)
    table_of_keys[keys[:, 0], keys[:, 1]] = True
    found: list[tuple[int, UnitKey, UnitImage]] = []
    for batch in run.dataset(table).to_batches(columns=_ENTRY, filter=chosen):
        kept = _looked_up(table_of_keys, batch["class_idx"], batch["unit"])
        found += [_entry(row) for row in batch.take(kept).to_pylist()]
    images: dict[UnitKey, list[UnitImage]] = {}
    for _, key, image in sorted(found, key=lambda entry: entry[0]):
        images.setdefault(key, []).append(image)
    return images


def _looked_up(
    wanted: npt.NDArray[np.bool_], class_idx: pa.Array, unit: pa.Array
) -> npt.NDArray[np.int64]:
    """Places of the rows whose (class_idx - ALL_IMAGES, unit) is True in `wanted`."""
    rows, cols = class_idx.to_numpy() - ALL_IMAGES, unit.to_numpy()
    inside = np.flatnonzero((rows < wanted.shape[0]) & (cols < wanted.shape[1]))
    return inside[wanted[rows[inside], cols[inside]]]


def _entry(row: dict[str, Any]) -> tuple[int, UnitKey, UnitImage]:
    field = row["rf_top"], row["rf_left"], row["rf_bottom"], row["rf_right"]
    image = UnitImage(row["image_id"], row["activation"], row["row"], row["col"], field)
    return row["rank"], (row["class_idx"], row["unit"]), image
