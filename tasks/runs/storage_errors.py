"""What storages behind URLs raise, for a user to read."""

from collections.abc import Iterator
from contextlib import contextmanager

from tasks.errors import AuditError


@contextmanager
def told(url: str) -> Iterator[None]:
    """What a storage raises, as an AuditError; each backend has its own kinds."""
    try:
        yield
    except AuditError:
        raise
    except Exception as error:
        raise AuditError(
            f"{url}: {type(error).__name__}: {error}. How storages are reached: docs/sources.md"
        ) from error
