"""A folder that appears whole or not at all."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to write to; it takes the place of `folder` if the block succeeds.

    Until then an earlier folder stays as it is, and it stays for good if the block fails.
    """
    _tidy(folder)
    temporary = folder.with_name(f".{folder.name}.tmp-{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        _swap(temporary, folder)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise OSError(
            error.errno,
            f"{folder} cannot be written: {error.strerror}. Make room, or give another folder; "
            "what was there is as it was",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _swap(temporary: Path, folder: Path) -> None:
    earlier = folder.with_name(f".{folder.name}.old-{os.getpid()}")
    if folder.exists():
        folder.rename(earlier)
    try:
        temporary.rename(folder)
    except OSError:
        if earlier.exists():
            earlier.rename(folder)
        raise
    shutil.rmtree(earlier, ignore_errors=True)


def _tidy(folder: Path) -> None:
    """Clear what a killed process left; the report it had just moved aside comes back."""
    for left in folder.parent.glob(f".{folder.name}.*-*"):
        kind, _, process = left.name.removeprefix(f".{folder.name}.").partition("-")
        if kind not in ("tmp", "old") or not process.isdigit() or _is_alive(int(process)):
            continue
        if kind == "old" and not folder.exists():
            left.rename(folder)
        else:
            shutil.rmtree(left, ignore_errors=True)


def _is_alive(process: int) -> bool:
    with suppress(ProcessLookupError, OverflowError):
        try:
            os.kill(process, 0)
        except PermissionError:  # it lives and belongs to another user
            return True
        return True
    return False
