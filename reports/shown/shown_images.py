"""Which images the explorer shows: all of them, or of very many the most telling."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from reports.tables import AuditTables
from tasks.statistics.seeded_hash import Ids, hash_ids
from tasks.tables.by_image import is_among, stored_image_ids
from tasks.tables.completion import added_facts
from tasks.tables.storage import RunFolder
from tasks.tables.table_names import SHOWN_ROWS

# With maps of 49 cells about 350 bytes each, with 196 cells 800; a browser holds them in 100 MB.
MOST_IMAGES = 100_000
_SEED = 2


class ShownRows(RunFolder):
    """An audit of which the tables with rows of single images hold those of the shown ones, as
    `write_shown` set them aside."""

    def _whole_files(self, name: str) -> list[Path]:
        return super()._whole_files(SHOWN_ROWS.get(name, name))


def shown_tables(
    tables: AuditTables, linked: Collection[int], most: int | None = None
) -> AuditTables:
    """The tables without the images that the explorer leaves out; as they are for at most `most`.

    Where an audit has set rows aside, its choice of images is kept and `run` reads these rows,
    unless pages show an image that is not among them.

    linked : image_ids of the pages; most : MOST_IMAGES by default
    """
    most = MOST_IMAGES if most is None else most
    if len(tables.images) <= most:
        return tables
    kept = ids_set_aside(tables.run)
    if len(kept) and is_among(np.fromiter(linked, np.int64, len(linked)), kept).all():
        return replace(only(tables, kept), run=ShownRows(tables.run.root))
    return only(tables, choose_shown(tables, linked, most))


def ids_set_aside(run: RunFolder) -> Ids:
    """image_ids, ascending; none where the audit has set nothing aside."""
    if added_facts(run, "shown") is None:
        return np.empty(0, np.int64)
    return stored_image_ids(ShownRows(run.root), "manifest")


def choose_shown(tables: AuditTables, linked: Collection[int], most: int) -> Ids:
    """`most` image_ids, or all that pages link to if those are more, ascending.

    First come the images that pages link to, then those of the second pass with their donors, then
    mistakes by their loss, then all others in an order that a hash draws.
    """
    rows = tables.images
    ids = rows["image_id"].to_numpy(np.int64)
    first = ~is_among(ids, np.unique(np.fromiter(linked, np.int64, len(linked))))
    second = ~is_among(ids, _tested(tables))
    mistake = rows["mistake"].to_numpy(bool)
    loss = np.where(mistake, rows["loss"].fillna(0).to_numpy(np.float64), 0)
    order = np.lexsort((hash_ids(ids, _SEED), -loss, ~mistake, second, first))
    return np.sort(ids[order[: max(most, len(linked))]])


def only(tables: AuditTables, shown: Ids) -> AuditTables:
    """The tables without the rows of other images.

    shown : image_ids, ascending
    """
    rows, background = tables.rows_of(shown), tables.background
    if background is not None:
        tested = background.verdicts
        own = is_among(tested["image_id"].to_numpy(np.int64), shown)
        background = replace(background, verdicts=tested[own])
    return replace(tables, images=rows.reset_index(drop=True), background=background)


def _tested(tables: AuditTables) -> Ids:
    """Images of the second pass, and those that lent them a background."""
    if tables.background is None or not tables.run.is_written("evidence"):
        return np.empty(0, np.int64)
    rows = tables.run.dataset("evidence").to_table(columns=["image_id", "donor_id"])
    ids = [pc.unique(rows[name].drop_null()).to_numpy() for name in rows.column_names]
    return np.unique(np.concatenate(ids)).astype(np.int64)
