"""The tags of a manifest, a map of strings in each row, as columns."""

import numpy as np
import pandas as pd
import pyarrow as pa

_ID = "image_id"


def tag_rows(manifest: pa.RecordBatch) -> pd.DataFrame:
    """Columns image_id, tag and value, a row per tag of an image.

    manifest : columns image_id and tags
    """
    tagged = manifest.filter(manifest["tags"].is_valid())
    tags = tagged["tags"]
    offsets = tags.offsets.to_numpy()
    first, length = int(offsets[0]), int(offsets[-1] - offsets[0])
    return pd.DataFrame(
        {
            _ID: np.repeat(tagged[_ID].to_numpy(), np.diff(offsets)),
            "tag": _shared(tags.keys.slice(first, length)),
            "value": _shared(tags.items.slice(first, length)),
        }
    )


def manifest_tags(manifest: pa.Table) -> pd.DataFrame:
    """The column image_id and one per tag, one row per image; None where there is no value.

    manifest : columns image_id and tags. A tag called image_id is left out: it would name single
        images
    """
    parts = [tag_rows(batch) for batch in manifest.to_batches()]
    rows = pd.concat([pd.DataFrame(columns=[_ID, "tag", "value"]), *parts])
    rows = rows[rows["tag"] != _ID].drop_duplicates([_ID, "tag"], keep="last")
    wide = rows.pivot(index=_ID, columns="tag", values="value")
    wide = wide.reindex(pd.Index(manifest[_ID].to_numpy(), name=_ID)).astype(object)
    return wide.where(wide.notna(), None).rename_axis(columns=None).reset_index()


def _shared(texts: pa.Array) -> "pd.Series[str]":
    """Texts as Python has them, equal ones one object: there are few, in many rows."""
    return texts.dictionary_encode().to_pandas().astype(object)
