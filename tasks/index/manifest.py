"""The manifest: which images, with what label, mask and boxes."""

from collections.abc import Sequence
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.errors import AuditError
from tasks.index.annotations import add_annotations
from tasks.index.classes import (
    ClassList,
    classes_from_words,
    default_classes,
    named_classes,
    read_classes,
)
from tasks.index.classes_in_data import class_in_data, classes_in_data
from tasks.index.containers import container_rows, is_container
from tasks.index.folder import folder_rows
from tasks.index.listed_rows import ListedRows
from tasks.index.listing import IMAGE_SUFFIXES
from tasks.index.manifest_files import read_csv_manifest, read_parquet_manifest
from tasks.index.roots import roots_of
from tasks.index.shard_pattern import is_pattern, matching_files
from tasks.tables.schemas import MANIFEST

_ANNOTATED = ("mask_uri", "boxes", "box_names", "content_key")
_UNREADABLE = (OSError, ValueError, ImportError, pa.ArrowException)


def build_manifest(
    images: str,
    categories: list[str] | None,
    classes: str | None,
    annotations: str | None,
    roots: Sequence[str] = (),
) -> tuple[pa.Table, ClassList]:
    """List the images and find the class index of each.

    images : a folder with a folder per class (or Parquet files in it), a CSV or Parquet
        manifest, Parquet with encoded images, a tar archive, or a pattern of the last two; a
        local path or an fsspec URL
    categories : the name of each output of the model; None: there is no model yet, and the classes
        are those that images are labelled with
    classes : classes file, or None
    annotations : COCO json with boxes and masks, or None
    roots : folders and URLs that images and masks may lie in; none: `images` if it is a folder,
        else the one that it lies in

    Returns: a table of schema MANIFEST in a stable order, and the classes.

    Raises: AuditError for an empty or unreadable dataset, for labels of unknown meaning, and for
    an image or a mask outside of the roots.
    """
    listed = _rows(images, roots)
    if not len(listed.table):
        raise AuditError(
            f"no image found in {images}; expected a folder with a folder of images per class, "
            f"a manifest, or Parquet with images (suffixes: {' '.join(IMAGE_SUFFIXES)})"
        )
    labels, names = listed.labels, listed.class_names
    if names and classes is not None:  # the classes file says where each name belongs
        labels = tuple(_name_of(label, names) for label in labels)
    if categories is None:
        class_list = classes_in_data(labels, names, classes)
        indices = [class_in_data(label, class_list) for label in labels]
    else:
        class_list = _class_list(labels, names, categories, classes)
        indices = [_class_index(label, class_list, len(categories)) for label in labels]
    rows = listed.table
    if annotations is not None:
        rows = _annotated(rows, annotations, images)
    columns = dict(zip(rows.column_names, rows.columns, strict=True))
    columns |= {"image_id": np.arange(len(rows)), "label": listed.class_indices(indices)}
    return pa.table({name: columns[name] for name in MANIFEST.names}, schema=MANIFEST), class_list


def _annotated(rows: pa.Table, annotations: str, images: str) -> pa.Table:
    cells = {name: rows[name].to_pylist() for name in ("uri", *_ANNOTATED)}
    given = add_annotations(pd.DataFrame(cells, dtype=object), annotations, images)
    for name in _ANNOTATED:
        place = rows.schema.get_field_index(name)
        field = rows.schema.field(place)
        rows = rows.set_column(place, field, pa.array(given[name].tolist(), field.type))
    return rows


def _rows(images: str, given: Sequence[str]) -> ListedRows:
    try:
        return _listed(images, given)
    except AuditError:
        raise
    except Exception as error:
        # Each storage backend raises its own kinds; of local files others are faults of ours.
        remote = "://" in images
        if not remote and not isinstance(error, _UNREADABLE):
            raise
        hint = ". How storages are reached: docs/sources.md" if remote else ""
        raise AuditError(f"images {images!r} cannot be read: {error}{hint}") from error


def _listed(images: str, given: Sequence[str]) -> ListedRows:
    filesystem, path = fsspec.url_to_fs(images)
    filesystem.invalidate_cache()  # a listing from an earlier audit of this process
    roots = roots_of(given, images, filesystem, path)
    if not filesystem.exists(path):
        files = matching_files(filesystem, path) if is_pattern(path) else {}
        if not files:
            raise AuditError(f"images {images!r} do not exist; expected a folder or a manifest")
        return container_rows(filesystem, files, roots)
    if filesystem.isdir(path):
        return folder_rows(filesystem, path, roots)
    if path.endswith(".csv"):
        return read_csv_manifest(images, roots)
    if path.endswith(".parquet"):
        return read_parquet_manifest(images, roots)
    if is_container(path):
        return container_rows(filesystem, {path: filesystem.info(path)}, roots)
    raise AuditError(f"images {images!r} is a file; expected .csv, .parquet, .tar or a folder")


def _name_of(label: Any, names: tuple[str, ...]) -> Any:
    return names[label] if isinstance(label, int) and 0 <= label < len(names) else label


def _class_list(
    labels: Sequence[Any], names: tuple[str, ...], categories: list[str], classes: str | None
) -> ClassList:
    if classes is not None:
        return read_classes(classes, categories)
    if names:
        return named_classes(names, categories)
    words = {label for label in labels if isinstance(label, str)}
    if words:
        return classes_from_words(words, categories, "folders or labels")
    return default_classes(categories)


def _class_index(word: Any, classes: ClassList, outputs: int) -> int:
    """An impossible index is kept, and becomes a row of `failures`."""
    if isinstance(word, str):
        found = classes.index_of.get(word)
        # Behind the last class: "labelled, but as nothing that the model knows".
        return outputs if found is None else found
    if str(word) in classes.index_of:  # folders of the classes file may be numbers
        return classes.index_of[str(word)]
    return outputs if word < -1 else min(int(word), 2**31 - 1)
