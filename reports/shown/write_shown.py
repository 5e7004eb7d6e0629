"""Rows of the images that a report shows, set aside where reading all others would take longer than
the rest of the report."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reports.explorer.feature_table import SET_ASIDE, facts_table
from reports.explorer.features import collect_features
from reports.shown import shown_images
from reports.shown.choice import choose_images
from reports.tables import AuditTables, load_tables
from tasks.statistics.seeded_hash import Ids
from tasks.tables.by_image import rows_of_images
from tasks.tables.completion import remove_added, shards_digest, write_added
from tasks.tables.shards import Shard
from tasks.tables.storage import RunFolder
from tasks.tables.table_names import SHOWN_ROWS

# Of each table what the report reads.
_COLUMNS = {
    "manifest": ["image_id", "uri", "split", "tags", "mask_uri", "boxes"],
    "predictions": ["image_id", "probability", "top_k_class", "top_k_logit"],
    "heatmaps": [
        "image_id", "role", "method", "class_idx", "against_idx", "state", "scale", "rows", "cols",
        "heatmap",
    ],
    "verdicts": ["image_id", "trail"],
}  # fmt: skip


def write_shown(run: RunFolder, shards: Sequence[Shard]) -> None:
    """Choose the images that the report of a merged audit shows, where they are not all, and copy
    their rows, and what is found out of their features, to tables of their own.

    Raises: AuditError where the audit has not come so far.
    """
    most = shown_images.MOST_IMAGES
    if run.dataset("images").count_rows() <= most:
        remove_added(run, "shown")
        return
    rows = _rows(_shown(run, most))
    write_added(run, "shown", rows, {"shard_keys": shards_digest(shards)})


def _shown(run: RunFolder, most: int) -> AuditTables:
    """Of the images chosen only: what is known of all others is not held on to."""
    tables = load_tables(run)
    linked = choose_images(tables).image_ids
    return shown_images.only(tables, shown_images.choose_shown(tables, linked, most))


def _rows(tables: AuditTables) -> Iterator[tuple[str, pa.Table]]:
    """One table at a time, by the names of SHOWN_ROWS."""
    ids = tables.images["image_id"].to_numpy(np.int64)
    for name, columns in _COLUMNS.items():
        if tables.run.is_written(name):
            yield SHOWN_ROWS[name], _rows_of(tables.run, name, columns, ids)
    yield SET_ASIDE, facts_table(ids, collect_features(tables))


def _rows_of(run: RunFolder, name: str, columns: list[str], ids: Ids) -> pa.Table:
    chosen = pc.field("method") == run.first_method() if "method" in columns else None
    return rows_of_images(run, name, columns, ids, chosen).combine_chunks()
