"""A lock in an object store: an object that only one can create."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from tasks.errors import AuditError
from tasks.runs.storage_errors import told


@contextmanager
def object_lock(filesystem: Any, path: str, folder: Path) -> Iterator[None]:
    """While open, `path` exists and says who holds it.

    No clock decides who is dead. What this machine left behind is taken over, as a lock on
    a file beside the working copy ends with its process; what another left is refused.

    filesystem : of fsspec; one that can create an object exclusively, as S3 and GCS
    folder : the working copy

    Raises: AuditError where another process holds it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    own = FileLock(folder.with_name(f"{folder.name}.lock"), is_singleton=False)
    try:
        own.acquire(blocking=False)
    except Timeout as error:
        raise AuditError(
            f"{path} is held by another process of this machine; expected to be alone. Wait for "
            "it, or give another --out"
        ) from error
    try:
        with told(path):
            _take(filesystem, path, [socket.gethostname(), str(folder)])
        try:
            yield
        finally:
            with told(path):
                filesystem.rm_file(path)
    finally:
        own.release()


def _take(filesystem: Any, path: str, owner: list[str]) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    content = json.dumps({"owner": owner, "since": since}).encode()
    try:
        filesystem.pipe_file(path, content, mode="create")
    except FileExistsError:
        holder = _holder(filesystem.cat_file(path))
        if holder.get("owner") != owner:
            raise AuditError(
                f"{path} is held by {holder}; expected no other process to write the run. Wait for "
                "it; if that machine is gone, remove the object"
            ) from None


def _holder(content: bytes) -> dict[str, Any]:
    try:
        holder = json.loads(content)
    except ValueError:
        holder = None
    return holder if isinstance(holder, dict) else {"owner": repr(content[:200])}
