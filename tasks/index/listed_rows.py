"""The rows of a dataset before it is known which class each label means, held in Arrow."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.index.columns import is_missing, read_labels
from tasks.tables.schemas import MANIFEST

ROWS_AT_ONCE = 2**14  # that Python holds; as its objects a row takes 1 KB, in Arrow a tenth

Label = str | int

# Without image_id; `label` is a place in `labels`, -1 where there is none.
_LISTED = pa.schema([field for field in MANIFEST if field.name != "image_id"])


@dataclass(frozen=True)
class ListedRows:
    """N images in a stable order.

    table : columns of MANIFEST but image_id; `label` is the place of the row's label in `labels`,
        -1 where it has none
    labels : folders, words or class indices
    class_names : of the class indices, where the dataset states them
    """

    table: pa.Table
    labels: tuple[Label, ...]
    class_names: tuple[str, ...] = ()

    def class_indices(self, of_label: Sequence[int]) -> pa.Array:
        """int32, shape (N,): the class index of each row, -1 without a label.

        of_label : the class index of each of `labels`
        """
        return pa.array(np.array([*of_label, -1], np.int32)[self.table["label"].to_numpy()])


def list_rows(parts: Iterable[pd.DataFrame], file: str | None = None) -> ListedRows:
    """Rows that come a part at a time. Columns that a part lacks are null.

    parts : columns of MANIFEST, cells as Python has them; `label` holds a folder, word or index
    file : a manifest, whose labels are what a user wrote, and read as `read_labels` does; None:
        they are as they are meant

    Raises: AuditError for labels that cannot be read.
    """
    places: dict[Any, int] = {}
    given: list[Any] = []
    tables = [_LISTED.empty_table()]
    for part in parts:
        cells = part.reindex(columns=_LISTED.names).astype(object)
        columns = {name: cells[name].where(cells[name].notna(), None).tolist() for name in cells}
        columns["label"] = [_place(label, places, given) for label in columns["label"]]
        tables.append(pa.table(columns, schema=_LISTED))
    labels = given if file is None else read_labels(pd.Series(given, dtype=object), file)
    return ListedRows(pa.concat_tables(tables), tuple(labels))


def join_rows(listed: Sequence[ListedRows]) -> ListedRows:
    """One after the other; the class names are those of the first."""
    tables, labels = [], list[Label]()
    for rows in listed:
        place = rows.table.schema.get_field_index("label")
        shifted = rows.class_indices(range(len(labels), len(labels) + len(rows.labels)))
        tables.append(rows.table.set_column(place, _LISTED.field("label"), shifted))
        labels += rows.labels
    return replace(listed[0], table=pa.concat_tables(tables), labels=tuple(labels))


def _place(label: Any, places: dict[Any, int], given: list[Any]) -> int:
    """Where the label stands among those given, new ones behind them; 1 is not 1.0 or True."""
    if is_missing(label):
        return -1
    key = type(label), label if isinstance(label, str | int | float) else repr(label)
    place = places.setdefault(key, len(given))
    if place == len(given):
        given.append(label)
    return place
