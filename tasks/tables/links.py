"""Files that two run folders share: hard links, or references where those are not possible."""

import os
from pathlib import Path

from tasks.errors import AuditError


def link_file(source: Path, target: Path) -> None:
    """Let `target` be the file that `source` is, in the place of what was there.

    A hard link; between file systems, and where they know none, a symbolic link to the file
    itself. Both are whole at once, and files of a run are only ever replaced, never written into.

    Raises: AuditError where neither is possible.
    """
    if source.is_symlink():
        source = source.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        _refer(source.resolve(), target)


def _refer(source: Path, target: Path) -> None:
    try:
        os.symlink(source, target)
    except OSError as error:
        raise AuditError(
            f"{target} can be neither a hard link nor a symbolic link to {source} "
            f"({error.strerror or error}). Write to a file system that knows one of them, or leave "
            "--previous away"
        ) from error
