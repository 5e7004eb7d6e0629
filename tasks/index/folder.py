"""A folder of images, or of files with images inside."""

import os
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from tasks.errors import AuditError
from tasks.index.containers import container_rows, is_compressed, is_container
from tasks.index.listed_rows import ListedRows, list_rows
from tasks.index.listing import IMAGE_SUFFIXES, is_remote, state_of
from tasks.index.roots import Roots


def folder_rows(filesystem: Any, root: str, roots: Roots) -> ListedRows:
    """One row per image: uri, label (the first folder, or None), size, content_key; of Parquet
    files and tar archives in the folder what they say of their images.

    filesystem : of fsspec

    Raises: AuditError for images and Parquet files beside each other, and for a link out of the
    roots.
    """
    found = filesystem.find(root, detail=True) if is_remote(filesystem) else _local_files(root)
    containers = {path: found[path] for path in sorted(found) if is_container(path)}
    rows = []
    for path, info in sorted(found.items()):
        parts = PurePosixPath(path[len(root) :].lstrip("/")).parts
        hidden = any(part.startswith(".") for part in parts)
        if hidden or PurePosixPath(path).suffix.lower() not in IMAGE_SUFFIXES:
            continue
        label = parts[0] if len(parts) > 1 else None
        uri = filesystem.unstrip_protocol(path) if is_remote(filesystem) else path
        # A name that is no UTF-8 is shown escaped: no table holds it, and reading it fails.
        uri = os.fsencode(uri).decode(errors="backslashreplace")
        size, content_key = state_of(info)
        rows.append({"uri": uri, "label": label, "size": size, "content_key": content_key})
    packed = [path for path in containers if not is_compressed(path)]
    if rows and packed:
        raise AuditError(
            f"{root} holds {len(rows)} images (first: {rows[0]['uri']}) and {len(packed)} Parquet "
            f"files or tar archives (first: {packed[0]}); expected one of the two. Give the "
            "folder of those that you mean"
        )
    if containers and not rows:
        return container_rows(filesystem, containers, roots)
    if not is_remote(filesystem):
        roots.refuse_outside([str(row["uri"]) for row in rows], f"{root}, file", 1)
    return list_rows([pd.DataFrame(rows, columns=["uri", "label", "size", "content_key"])])


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
