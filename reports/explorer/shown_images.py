"""Which images the explorer shows: all of them, or of very many the most telling."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from reports.tables import AuditTables
from tasks.statistics.seeded_hash import hash_ids
from tasks.tables.by_image import is_among

# With maps of 49 cells about 350 bytes each, with 196 cells 800; a browser holds them in 100 MB.
MOST_IMAGES = 100_000
_SEED = 2

Ids = npt.NDArray[np.int64]


def shown_tables(
    tables: AuditTables, linked: Collection[int], most: int | None = None
) -> AuditTables:
    """The tables without the images that the explorer leaves out; as they are for at most `most`.

    First come the images that other pages link to and those of the second pass with their donors,
    then mistakes by their loss, then all others in an order that a hash draws.

    linked : image_ids; most : MOST_IMAGES by default
    """
    rows, most = tables.images, MOST_IMAGES if most is None else most
    if len(rows) <= most:
        return tables
    ids = rows["image_id"].to_numpy(np.int64)
    first = np.union1d(np.fromiter(linked, np.int64, len(linked)), _tested(tables))
    mistake = rows["mistake"].to_numpy(bool)
    loss = np.where(mistake, rows["loss"].fillna(0).to_numpy(np.float64), 0)
    order = np.lexsort((hash_ids(ids, _SEED), -loss, ~mistake, ~np.isin(ids, first)))
    chosen = np.sort(order[:most])
    background = tables.background
    if background is not None:
        tested = background.verdicts
        shown = is_among(tested["image_id"].to_numpy(np.int64), ids[chosen])
        background = replace(background, verdicts=tested[shown])
    return replace(tables, images=rows.iloc[chosen].reset_index(drop=True), background=background)


def _tested(tables: AuditTables) -> Ids:
    """Images of the second pass, and those that lent them a background."""
    folder = tables.run.root / "tables" / "evidence"
    if tables.background is None or not any(folder.glob("*.parquet")):
        return np.empty(0, np.int64)
    rows = tables.run.dataset("evidence").to_table(columns=["image_id", "donor_id"])
    ids = [pc.unique(rows[name].drop_null()).to_numpy() for name in rows.column_names]
    return np.unique(np.concatenate(ids)).astype(np.int64)
