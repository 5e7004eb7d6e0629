"""Manifests that a user wrote: CSV, Parquet, and Parquet with the images inside."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from tasks.errors import AuditError
from tasks.given_json import parse_json
from tasks.images.file_state import file_state
from tasks.images.parquet_rows import holds_files, image_column
from tasks.index.box_names import parse_box_names, read_box_names, read_name
from tasks.index.columns import check_boxes, parse_boxes, read_tags
from tasks.index.listed_rows import ROWS_AT_ONCE, ListedRows, list_rows
from tasks.index.roots import Roots

_KNOWN = ("uri", "label", "mask_uri", "mask_name", "boxes", "box_names", "split")


def read_csv_manifest(file: str, roots: Roots) -> ListedRows:
    """CSV with the column `uri` and, if there, label, mask_uri, mask_name, boxes, box_names,
    split; the rest are tags.

    `label` is a class index in every row, or a class name or folder in every row. `boxes` is a
    JSON list of [left, top, right, bottom], `box_names` a JSON list of as many names, null for a
    box without one. Relative uris are relative to the file.

    Raises: AuditError for a missing column, for boxes or names that cannot be read, and for a uri
    that leads out of the roots.
    """
    # index_col=False: with a comma at the end of each line pandas would shift the columns.
    with pd.read_csv(
        file, dtype=str, keep_default_na=False, index_col=False, encoding="utf-8-sig",
        chunksize=ROWS_AT_ONCE,
    ) as parts:  # fmt: skip
        return list_rows((_of_csv(part, file, roots) for part in parts), file)


def _of_csv(part: pd.DataFrame, file: str, roots: Roots) -> pd.DataFrame:
    first = int(part.index[0]) if len(part) else 0
    table = part.rename(columns=str.strip).reset_index(drop=True)
    table = table.astype(object).where(table != "", None)
    for column, parse in (("boxes", parse_boxes), ("box_names", parse_box_names)):
        if column in table:
            lines = enumerate(table[column], first + 2)
            table[column] = [parse(text, line, file) for line, text in lines]
    return _complete(table, file, roots, first)


def read_parquet_manifest(file: str, roots: Roots) -> ListedRows:
    """Parquet with the columns of a CSV manifest, or with the encoded images in a column.

    Raises: AuditError, as `read_csv_manifest`.
    """
    with fsspec.open(file, "rb") as stream:
        parquet = pq.ParquetFile(stream)
        schema = parquet.schema_arrow
        column = image_column(schema)
        if "uri" not in schema.names and column is None:
            raise AuditError(
                f"{file} has neither a column 'uri' nor one with encoded images (a struct with "
                f"bytes, or binary), got {', '.join(schema.names)}"
            )
        if "uri" in schema.names or column is None:
            parts = _parts(parquet, schema.names)
            return list_rows((_complete(part, file, roots, at) for at, part in parts), file)
        image = column.split(".")[0]
        others = [field.name for field in schema if field.name != image and not holds_files(field)]
        inside = (_of_itself(part, file, roots, at) for at, part in _parts(parquet, others))
        rows = list_rows(inside, file)
    # Known names keep their order: index 0 is the first name, not the first in the alphabet.
    names = _hugging_face_names(schema.metadata or {}, "label")
    return replace(rows, class_names=tuple(names))


def _parts(parquet: pq.ParquetFile, columns: list[str]) -> Iterator[tuple[int, pd.DataFrame]]:
    """Some rows at a time, with the number of their first. Every cell as Python has it: an
    integer beside a null stays an integer."""
    names = [name for name in columns if not name.startswith("__index_level_")]
    first = 0
    for batch in parquet.iter_batches(ROWS_AT_ONCE, columns=names):
        cells = {name: batch[name].to_pylist() for name in names}
        yield first, pd.DataFrame(cells, dtype=object, index=range(len(batch)))
        first += len(batch)


def _of_itself(table: pd.DataFrame, file: str, roots: Roots, first: int) -> pd.DataFrame:
    """The images are rows of this very file."""
    table["uri"] = [f"{_absolute(file)}#{row}" for row in range(first, first + len(table))]
    if "split" not in table:
        table["split"] = PurePosixPath(file).name.split("-")[0].removesuffix(".parquet")
    return _complete(table, file, roots, first, of_itself=True)


def _complete(
    table: pd.DataFrame, file: str, roots: Roots, first: int, *, of_itself: bool = False
) -> pd.DataFrame:
    """All columns. first : number of the first row; of_itself : the images are in this very file"""
    if "uri" not in table:
        raise AuditError(
            f"manifest {file} has no column 'uri'; expected uri,label[,mask_uri,mask_name,"
            f"boxes,box_names,split,tags...], got {','.join(map(str, table.columns))}"
        )
    missing = table["uri"].isna()
    if missing.any():
        row = first + int(np.argmax(missing)) + 2
        raise AuditError(f"manifest {file}, line {row}: the uri is missing")
    rows = table.reindex(columns=list(_KNOWN)).astype(object)
    rows = rows.where(rows.notna(), None)
    base = os.path.dirname(file)
    for column in ("uri", "mask_uri"):
        # dtype=object: pandas would turn None among texts into NaN.
        uris = [_resolve(uri, base) for uri in rows[column]]
        if column == "mask_uri" or not of_itself:
            _refuse_outside(uris, column, file, roots, first)
        rows[column] = pd.Series(uris, dtype=object)
    check_boxes(rows["boxes"], file, first)
    names = read_box_names(rows["boxes"], rows["box_names"], file, first)
    rows["box_names"] = pd.Series(names, dtype=object)
    rows["mask_name"] = pd.Series([read_name(name) for name in rows["mask_name"]], dtype=object)
    tags = [name for name in table.columns if name not in (*_KNOWN, "size", "content_key")]
    rows["tags"] = read_tags(table, tags)
    states = [_state(uri, mask) for uri, mask in zip(rows["uri"], rows["mask_uri"], strict=True)]
    rows["size"] = [size for size, _ in states]
    rows["content_key"] = [key for _, key in states]
    return rows


def _refuse_outside(
    uris: list[str | None], column: str, file: str, roots: Roots, first: int
) -> None:
    is_text = file.endswith(".csv")  # whose first line is the header
    where = f"manifest {file}, {column} in {'line' if is_text else 'row'}"
    roots.refuse_outside(uris, where, first + (2 if is_text else 0))


def _hugging_face_names(metadata: dict[bytes, bytes], column: str) -> list[str]:
    """Class names that the `datasets` library stores beside a ClassLabel column."""
    try:
        features = parse_json(metadata[b"huggingface"])["info"]["features"]
        names: list[str] = features[column]["names"]
    except (KeyError, ValueError, TypeError):
        return []
    return names


def _resolve(uri: Any, base: str) -> str | None:
    if uri is None:
        return None
    text = str(uri)
    return text if "://" in text or os.path.isabs(text) else _absolute(os.path.join(base, text))


def _absolute(path: str) -> str:
    return path if "://" in path else os.path.abspath(path)


def _state(uri: str, mask_uri: str | None) -> tuple[int, str]:
    """Size of the image, and a key that changes with the image or its mask.

    A file behind a URL is not asked for its state: a million requests would take hours. Its
    key is constant; a changed file there is seen when its uri changes.
    """
    size, key = file_state(uri)
    return size, key if mask_uri is None else f"{key}+{file_state(mask_uri)[1]}"
