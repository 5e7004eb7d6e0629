"""The tags of a manifest, a map of strings in each row, as columns."""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

_ID = "image_id"

Texts = npt.NDArray[np.object_]


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


def manifest_tags(batches: Iterable[pa.RecordBatch]) -> pd.DataFrame:
    """The column image_id and one per tag, one row per image; None where there is no value.

    batches : of the manifest, columns image_id and tags. A tag called image_id is left out: it
        would name single images
    """
    ids, rows = [np.empty(0, np.int64)], 0
    parts: dict[str, list[tuple[int, Texts]]] = {}
    texts: dict[str | None, str | None] = {}
    for batch in batches:
        ids.append(batch[_ID].to_numpy())
        for tag, values in _columns(batch, texts):
            parts.setdefault(tag, []).append((rows, values))
        rows += len(batch)
    columns = {_ID: pd.Series(np.concatenate(ids))}
    for tag in sorted(parts):
        whole = np.full(rows, None, dtype=object)
        for start, values in parts.pop(tag):
            whole[start : start + len(values)] = values
        columns[tag] = pd.Series(whole, dtype=object, copy=False)
    return pd.DataFrame(columns, copy=False)


def _columns(
    manifest: pa.RecordBatch, texts: dict[str | None, str | None]
) -> Iterator[tuple[str, Texts]]:
    """Each tag with its value in every row; of two in one row the last.

    texts : those met so far, so that equal ones are one object: there are few, in many rows
    """
    there = np.flatnonzero(manifest["tags"].is_valid().to_numpy(zero_copy_only=False))
    tags = manifest["tags"].take(pa.array(there))
    row = np.repeat(there, np.diff(tags.offsets.to_numpy()))
    names, values = tags.keys.dictionary_encode(), tags.items.dictionary_encode()
    known = [texts.setdefault(text, text) for text in values.dictionary.to_pylist()]
    words = np.array([*known, None], dtype=object)[values.indices.fill_null(-1).to_numpy()]
    for number, name in enumerate(names.dictionary.to_pylist()):
        own = names.indices.to_numpy() == number
        column = np.full(len(manifest), None, dtype=object)
        column[row[own]] = words[own]
        if name != _ID:
            yield name, column


def _shared(texts: pa.Array) -> "pd.Series[str]":
    """Texts as Python has them, equal ones one object: there are few, in many rows."""
    return texts.dictionary_encode().to_pandas().astype(object)
