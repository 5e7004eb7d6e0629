"""What became of each image's answer as the image was changed, as lists side by side."""

from collections.abc import Collection

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reports.background.background_words import INTERVENTIONS, intervention_words
from reports.background.strips import changed_picture
from reports.tables import AuditTables
from tasks.statistics.seeded_hash import Ids

_READ = [
    "image_id", "intervention", "draw", "donor_id", "predicted", "logit_predicted", "logit_against",
]  # fmt: skip


def change_columns(tables: AuditTables, strips: Collection[int]) -> dict[str, pa.ListArray]:
    """Rows of `evidence` of each image, one entry per changed version, in the order of
    INTERVENTIONS.

    strips : images whose changed pictures the report has, where they were kept
    """
    ids = tables.images["image_id"].to_numpy(np.int64)
    rows = _read_changes(tables, ids)
    margin = rows["logit_predicted"] - rows["logit_against"]
    columns = {
        "change_kind": pa.array(rows["kind"], pa.int8()),
        "change_donor": pa.array(pd.Index(ids).get_indexer(rows["donor_id"]), pa.int32()),
        "change_predicted": pa.array(rows["predicted"], pa.int32()),
        "change_margin": pa.array(margin, pa.float32()),
        "change_picture": pa.array(_pictures(rows, strips), pa.string()),
    }
    offsets = np.searchsorted(rows["image_id"], np.append(ids, np.iinfo(np.int64).max))
    return {
        name: pa.ListArray.from_arrays(offsets.astype(np.int32), values)
        for name, values in columns.items()
    }


def _read_changes(tables: AuditTables, ids: Ids) -> pd.DataFrame:
    """By image_id, of `ids` only; none where the audit has no second pass."""
    columns = {name: pc.field(name) for name in _READ}
    columns["kept"] = pc.field("picture").is_valid()
    if tables.background is None or not tables.run.is_written("evidence"):
        return pd.DataFrame({name: [] for name in (*columns, "kind")}).astype({"kept": bool})
    rows = tables.run.dataset("evidence").to_table(columns=columns).to_pandas()
    rank = {name: place for place, name in enumerate(INTERVENTIONS)}
    rows["kind"] = rows["intervention"].map(rank)
    rows = rows[rows["kind"].notna() & rows["image_id"].isin(ids)]
    return rows.sort_values(["image_id", "kind", "draw"], ignore_index=True)


def _pictures(rows: pd.DataFrame, strips: Collection[int]) -> "pd.Series[str]":
    """Paths in the report of the pictures that it has; None elsewhere."""
    paths = pd.Series(None, rows.index, dtype=object)
    there = rows["kept"] & rows["image_id"].isin(strips)
    paths[there] = [changed_picture(row) for row in rows[there].to_dict("records")]
    return paths


def change_words() -> list[tuple[str, str]]:
    """Heading and caption of each kind of change; {predicted} and {against} stand for names."""
    return [intervention_words(kind, "{predicted}", "{against}") for kind in INTERVENTIONS]
