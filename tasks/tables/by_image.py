"""Columns of stored tables in the order of image_id, each held once and as it is stored.

What a stage holds of every image at once bounds the memory of the driver. pandas' merges and sorts
hold several copies and a hash table of 40 bytes a row; these hold what they return, and a batch.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.statistics.seeded_hash import Ids
from tasks.tables.storage import RunFolder

Bools = npt.NDArray[np.bool_]


def stored_image_ids(run: RunFolder, name: str, chosen: pc.Expression | None = None) -> Ids:
    """image_id of the rows of a table that `chosen` holds for, int64, ascending.

    Raises: AuditError where the table is missing.
    """
    batches = run.batches(name, ["image_id"], chosen)
    image_id = np.concatenate(
        [np.empty(0, np.int64), *(batch["image_id"].to_numpy() for batch in batches)]
    )
    return image_id if (image_id[1:] >= image_id[:-1]).all() else np.sort(image_id)


def columns_by_image(
    run: RunFolder,
    name: str,
    columns: list[str],
    image_id: Ids,
    chosen: pc.Expression | None = None,
) -> dict[str, Any]:
    """Columns of a table in the order of some images.

    columns : of numbers, truth values or text
    image_id : ascending; images of the table that are not among them are passed by
    chosen : what holds for the rows that are meant, at most one per image

    Returns: for each column an array of len(image_id) of the stored type, float64 for integers and
    truth values where some are missing; a pandas Categorical for texts. What is missing is NaN.

    Raises: AuditError where the table is missing.
    """
    schema = run.dataset(name).schema
    found = {column: _column(schema.field(column).type, image_id) for column in columns}
    for batch in run.batches(name, ["image_id", *columns], chosen):
        ids = batch["image_id"].to_numpy()
        rows = np.flatnonzero(is_among(ids, image_id))
        places = np.searchsorted(image_id, ids[rows])
        for column, values in found.items():
            values.put(places, batch[column].take(pa.array(rows)))
    return {column: values.whole() for column, values in found.items()}


def rows_of_images(
    run: RunFolder,
    name: str,
    columns: list[str],
    image_id: Ids,
    chosen: pc.Expression | None = None,
) -> pa.Table:
    """Columns of a table, image_id among them, of some images, in the order of the table. A filter
    by them would cost each shard milliseconds to build its set.

    image_id : ascending; chosen : what holds for the rows that are wanted

    Raises: AuditError where the table is missing.
    """
    stored = run.dataset(name).schema
    batches = (
        batch.filter(pa.array(is_among(batch["image_id"].to_numpy(), image_id)))
        for batch in run.batches(name, columns, chosen)
    )
    return pa.Table.from_batches(batches, pa.schema([stored.field(column) for column in columns]))


def is_among(ids: Ids, image_id: Ids) -> Bools:
    """Whether each of `ids` is among `image_id`, which is ascending."""
    if not len(image_id):
        return np.zeros(len(ids), dtype=bool)
    places = np.minimum(np.searchsorted(image_id, ids), len(image_id) - 1)
    among: Bools = image_id[places] == ids
    return among


def _column(kind: pa.DataType, image_id: Ids) -> "_Numbers | _Texts":
    return _Texts(len(image_id)) if pa.types.is_string(kind) else _Numbers(len(image_id), kind)


class _Numbers:
    def __init__(self, rows: int, kind: pa.DataType) -> None:
        self._values = np.zeros(rows, dtype=kind.to_pandas_dtype())
        self._missing = np.ones(rows, dtype=bool)

    def put(self, places: Ids, values: pa.Array) -> None:
        there = values.is_valid().to_numpy(zero_copy_only=False)
        known = values.drop_null().to_numpy(zero_copy_only=False)
        self._values[places[there]] = known
        self._missing[places[there]] = False

    def whole(self) -> npt.NDArray[Any]:
        if not self._missing.any():
            return self._values
        is_float = self._values.dtype.kind == "f"
        values = self._values if is_float else self._values.astype(np.float64)
        values[self._missing] = np.nan
        return values


class _Texts:
    def __init__(self, rows: int) -> None:
        self._codes = np.full(rows, -1, dtype=np.int16)
        self._texts: dict[str, int] = {}

    def put(self, places: Ids, values: pa.Array) -> None:
        encoded = values.dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        codes = [self._texts.setdefault(text, len(self._texts)) for text in texts]
        own = encoded.indices.fill_null(-1).to_numpy()
        self._codes[places] = np.array([*codes, -1], dtype=np.int16)[own]

    def whole(self) -> pd.Categorical:
        return pd.Categorical.from_codes(self._codes, pd.Index([*self._texts], dtype=object))
