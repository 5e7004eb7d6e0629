"""A folder of images, or of Parquet files with images inside."""

import os
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from tasks.errors import AuditError
from tasks.index.manifest_files import read_parquet_manifest

IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".gif",
    ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif",
)  # fmt: skip


def folder_rows(filesystem: Any, root: str) -> pd.DataFrame:
    """One row per image: uri, label (the first folder, or None), size, content_key.

    filesystem : of fsspec
    """
    found = filesystem.find(root, detail=True) if _is_remote(filesystem) else _local_files(root)
    tables = sorted(path for path in found if path.endswith(".parquet"))
    rows = []
    for path, info in sorted(found.items()):
        parts = PurePosixPath(path[len(root) :].lstrip("/")).parts
        hidden = any(part.startswith(".") for part in parts)
        if hidden or PurePosixPath(path).suffix.lower() not in IMAGE_SUFFIXES:
            continue
        label = parts[0] if len(parts) > 1 else None
        uri = filesystem.unstrip_protocol(path) if _is_remote(filesystem) else path
        # A name that is no UTF-8 is shown escaped: no table holds it, and reading it fails.
        uri = os.fsencode(uri).decode(errors="backslashreplace")
        rows.append({"uri": uri, "label": label, **_state(info)})
    if rows and tables:
        raise AuditError(
            f"{root} holds {len(rows)} images (first: {rows[0]['uri']}) and {len(tables)} Parquet "
            "files; expected one of the two. Give the folder of those that you mean"
        )
    if tables:
        files = [read_parquet_manifest(filesystem.unstrip_protocol(path)) for path in tables]
        return _joined(files, root)
    return pd.DataFrame(rows, columns=["uri", "label", "size", "content_key"])


def _joined(parts: list[pd.DataFrame], root: str) -> pd.DataFrame:
    names = {part.attrs.get("class_names", ()) for part in parts}
    if len(names) > 1:
        raise AuditError(f"the Parquet files in {root} name other classes than each other")
    joined = pd.concat(parts, ignore_index=True)
    joined.attrs["class_names"] = names.pop()
    return joined


def _local_files(root: str) -> dict[str, dict[str, Any]]:
    """Size and mtime by path, behind symbolic links too; a link to a parent is not followed."""
    found: dict[str, dict[str, Any]] = {}
    for folder, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        folders[:] = [f for f in folders if not _leads_up(os.path.join(folder, f), real)]
        for name in files:
            path = os.path.join(folder, name)
            try:
                status = os.stat(path)
            except OSError:  # a link that leads nowhere: reading it will say so
                found[path] = {}
            else:
                found[path] = {"size": status.st_size, "mtime": status.st_mtime}
    return found


def _leads_up(folder: str, parent: str) -> bool:
    real = os.path.realpath(folder)
    return os.path.islink(folder) and (parent + os.sep).startswith(real + os.sep)


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
