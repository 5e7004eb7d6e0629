"""The manifest: which images, with what label, mask and boxes."""

from pathlib import PurePosixPath
from typing import Any

import fsspec
import pandas as pd
import pyarrow as pa

from tasks.annotations import add_annotations
from tasks.classes import ClassList, classes_from_words, default_classes, read_classes
from tasks.errors import AuditError
from tasks.manifest_files import read_csv_manifest, read_parquet_manifest
from tasks.schemas import MANIFEST

IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".gif",
    ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif",
)  # fmt: skip
_COLUMNS = ("uri", "label", "mask_uri", "boxes", "split", "tags", "size", "content_key")


def build_manifest(
    images: str, categories: list[str], classes: str | None, annotations: str | None
) -> tuple[pa.Table, ClassList]:
    """List the images and find the class index of each.

    images : a folder with a folder per class (or Parquet files in it), a CSV or Parquet
        manifest, Parquet with encoded images; a local path or an fsspec URL
    categories : the name of each output of the model
    classes : classes file, or None
    annotations : COCO json with boxes and masks, or None

    Returns: a table of schema MANIFEST in a stable order, and the classes.

    Raises: AuditError for an empty or unreadable dataset and for labels of unknown meaning.
    """
    rows = _rows(images)
    if rows.empty:
        raise AuditError(
            f"no image found in {images}; expected a folder with a folder of images per class, "
            f"a manifest, or Parquet with images (suffixes: {' '.join(IMAGE_SUFFIXES)})"
        )
    class_list = _class_list(rows["label"], categories, classes)
    rows["label"] = [_class_index(word, class_list, len(categories)) for word in rows["label"]]
    if annotations is not None:
        rows = add_annotations(rows, annotations, images)
    rows["image_id"] = range(len(rows))
    columns = {name: rows[name].tolist() for name in MANIFEST.names}
    return pa.table(columns, schema=MANIFEST), class_list


def _rows(images: str) -> pd.DataFrame:
    """One row per image; `label` holds a folder, a word, an index or None."""
    try:
        filesystem, path = fsspec.url_to_fs(images)
        if not filesystem.exists(path):
            raise AuditError(f"images {images!r} do not exist; expected a folder or a manifest")
        if filesystem.isdir(path):
            rows = _folder_rows(filesystem, path)
        elif path.endswith(".csv"):
            rows = read_csv_manifest(images)
        elif path.endswith(".parquet"):
            rows = read_parquet_manifest(images)
        else:
            raise AuditError(f"images {images!r} is a file; expected .csv, .parquet or a folder")
    except (OSError, ValueError, ImportError, pa.ArrowException) as error:
        raise AuditError(f"images {images!r} cannot be read: {error}") from error
    rows = rows.reindex(columns=list(_COLUMNS)).astype(object)
    return rows.where(rows.notna(), None)


def _folder_rows(filesystem: Any, root: str) -> pd.DataFrame:
    found = filesystem.find(root, detail=True)
    tables = sorted(path for path in found if path.endswith(".parquet"))
    rows = []
    for path, info in sorted(found.items()):
        parts = PurePosixPath(path[len(root) :].lstrip("/")).parts
        hidden = any(part.startswith(".") for part in parts)
        if hidden or PurePosixPath(path).suffix.lower() not in IMAGE_SUFFIXES:
            continue
        label = parts[0] if len(parts) > 1 else None
        uri = filesystem.unstrip_protocol(path) if _is_remote(filesystem) else path
        rows.append({"uri": uri, "label": label, **_state(info)})
    if not rows and tables:
        return pd.concat(
            [read_parquet_manifest(filesystem.unstrip_protocol(path)) for path in tables],
            ignore_index=True,
        )
    return pd.DataFrame(rows, columns=["uri", "label", "size", "content_key"])


def _state(info: dict[str, Any]) -> dict[str, Any]:
    """Size and content key from a listing; the key changes when the file does."""
    size = int(info.get("size") or 0)
    version = next(
        (info[k] for k in ("ETag", "etag", "mtime", "LastModified", "last_modified") if k in info),
        "",
    )
    return {"size": size, "content_key": f"{size}-{version}"}


def _is_remote(filesystem: Any) -> bool:
    protocol = filesystem.protocol
    return "file" not in ((protocol,) if isinstance(protocol, str) else protocol)


def _class_list(labels: pd.Series, categories: list[str], classes: str | None) -> ClassList:
    if classes is not None:
        return read_classes(classes, categories)
    words = {label for label in labels if isinstance(label, str)}
    if words:
        return classes_from_words(words, categories, "folders or labels")
    return default_classes(categories)


def _class_index(word: Any, classes: ClassList, outputs: int) -> int:
    """-1 for no label; an impossible index is kept, and becomes a row of `failures`."""
    if word is None:
        return -1
    if isinstance(word, str):
        found = classes.index_of.get(word)
        # Behind the last class: "labelled, but as nothing that the model knows".
        return outputs if found is None else found
    return max(-1, min(int(word), 2**31 - 1))
