"""Which run folders are being written: a lock that ends with the process that holds it."""

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from tasks.errors import AuditError
from tasks.tables.storage import RunFolder


@contextmanager
def being_written(run: RunFolder) -> Iterator[None]:
    """While open, others see that the run is being written. Its folder is made where it is missing.

    Raises: AuditError where another process writes it, and where it cannot be written.
    """
    lock = _lock(run)
    try:
        run.root.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout as error:
        raise AuditError(
            f"{run.root} is being written by another process; expected to be alone. Wait for it, "
            "or give another --out"
        ) from error
    except OSError as error:
        raise AuditError(f"{run.root} cannot be written: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def is_being_written(run: RunFolder) -> bool:
    """Whether a living process writes the run."""
    if not run.lock_file.exists():
        return False
    lock = _lock(run)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False


def _lock(run: RunFolder) -> FileLock:
    # Not reentrant: two audits of one folder in one process are two audits, too.
    return FileLock(run.lock_file, is_singleton=False)
