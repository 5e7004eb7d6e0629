"""Files in two places: what tells whether one has changed in either."""

import json
import os
from pathlib import Path, PurePosixPath
from typing import Any

Known = tuple[str, int, int]  # version there; size and time of the last change here


def version_of(info: dict[str, Any]) -> str:
    """What changes when an object does, from its listing by fsspec."""
    version = next((info[k] for k in ("ETag", "etag", "mtime", "LastModified") if k in info), "")
    return f"{info.get('size')}-{version}"


def file_states(root: Path) -> dict[str, tuple[int, int]]:
    """Size and time of the last change, in nanoseconds, of each file by its name below `root`;
    links are followed, hidden files left out."""
    found = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for file in (Path(folder, name) for name in files if not name.startswith(".")):
            status = file.stat()
            found[file.relative_to(root).as_posix()] = (status.st_size, status.st_mtime_ns)
    return found


def is_hidden(name: str) -> bool:
    """Whether a name, or a folder in it, starts with a dot, as temporary files and locks do."""
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def read_known(file: Path, url: str) -> dict[str, Known]:
    """What was last the same at `url` and in its working copy; nothing where none is noted."""
    try:
        content = json.loads(file.read_text())
        files = content["files"] if content["url"] == url else {}
        return {name: (str(v), int(size), int(time)) for name, (v, size, time) in files.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
