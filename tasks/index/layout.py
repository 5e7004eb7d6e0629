"""Which image has which number and stands in which shard, as in an earlier audit if there is one.

A shard can be taken over only while its images have the numbers that they had.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from tasks.errors import AuditError
from tasks.tables.storage import RunFolder, shard_of

Numbers = npt.NDArray[np.int64]

_LAST_ID = 2**31 - 2  # partial tables hold ids as int32


@dataclass(frozen=True)
class Layout:
    """manifest : schema MANIFEST, by image_id
    starts : first row of each shard
    """

    manifest: pa.Table
    starts: list[int]


def lay_out(listed: pa.Table, size: int, earlier: RunFolder | None = None) -> Layout:
    """Numbers and shards of an audit, as in an earlier one of the same configuration.

    An image that was there keeps its number and its shard, known by its uri; of images that share
    one, the first is the first. New images are numbered from the highest on and fill the last shard
    up before they start others. Removed images leave holes; where the shards are less than half
    full because of them, and without an earlier audit, rows are numbered as they are listed.

    listed : schema MANIFEST, in the order of the listing; size : images per shard

    Raises: AuditError for a manifest of the earlier audit that cannot be read.
    """
    as_before = None if earlier is None else _as_before(listed, size, _images_before(earlier))
    if as_before is not None:
        return as_before
    ids = pa.array(range(len(listed)), pa.int64())
    return Layout(_numbered(listed, ids), list(range(0, len(listed), size)))


def _as_before(listed: pa.Table, size: int, before: pd.DataFrame) -> Layout | None:
    rows = pd.DataFrame({"uri": listed["uri"].to_pandas()})
    rows["copy"] = rows.groupby("uri").cumcount()
    rows = rows.merge(before, on=["uri", "copy"], how="left", validate="one_to_one")
    is_new = rows["image_id"].isna().to_numpy()
    ids = rows["image_id"].fillna(-1).to_numpy(np.int64, copy=True)
    shards = rows["shard"].fillna(-1).to_numpy(np.int64, copy=True)
    first = int(before["image_id"].max()) + 1 if len(before) else 0
    ids[is_new] = first + np.arange(is_new.sum())
    shards[is_new] = _shards_of_new(shards[~is_new], int(is_new.sum()), size)
    used = np.unique(shards)
    order = np.argsort(ids)
    is_sparse = len(used) > 2 * -(-len(listed) // size)
    if is_sparse or first + is_new.sum() > _LAST_ID or (np.diff(shards[order]) < 0).any():
        return None
    starts = np.searchsorted(shards[order], used).tolist()
    return Layout(_numbered(listed.take(order), pa.array(ids[order])), starts)


def _shards_of_new(shards: Numbers, images: int, size: int) -> Numbers:
    """Shards of new images, given those of the images that were there."""
    if not len(shards):
        return np.arange(images) // size
    last = int(shards.max())
    room = max(0, size - int((shards == last).sum()))
    return np.where(
        np.arange(images) < room, last, last + 1 + (np.arange(images) - room) // size
    ).astype(np.int64)


def _images_before(earlier: RunFolder) -> pd.DataFrame:
    """Columns image_id, uri, copy (which of the images of this uri) and shard, by image_id."""
    files = sorted((earlier.root / "tables" / "manifest").glob("shard-*.parquet"))
    if not files:
        return pd.DataFrame(columns=["image_id", "uri", "copy", "shard"])
    try:
        stored = ds.dataset([str(file) for file in files], format="parquet")
        table = stored.to_table(columns=["image_id", "uri", "__filename"])
    except (OSError, pa.ArrowException) as error:
        raise AuditError(
            f"the manifest of the previous run {earlier.root} cannot be read: {error}. Give "
            "another --previous, or none"
        ) from error
    shard = {str(file): shard_of(file) for file in files}
    before = pd.DataFrame(
        {
            "image_id": table["image_id"].to_numpy(),
            "uri": table["uri"].to_pandas(),
            "shard": table["__filename"].to_pandas().map(shard).to_numpy(np.int64),
        }
    )
    before = before.sort_values("image_id", ignore_index=True)
    before["copy"] = before.groupby("uri").cumcount()
    return before


def _numbered(rows: pa.Table, ids: pa.Array) -> pa.Table:
    place = rows.schema.get_field_index("image_id")
    return rows.set_column(place, rows.schema.field("image_id"), ids)
