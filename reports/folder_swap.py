"""A folder that appears whole or not at all."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to write to; it takes the place of `folder` if the block succeeds.

    Until then an earlier folder stays as it is, and it stays for good if the block fails.
    """
    _tidy(folder)
    temporary = folder.with_name(f".{folder.name}.tmp-{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        _swap(temporary, folder)
    except OSError as error:
        number = _disk_error(error)
        if number is None:
            raise
        raise OSError(
            number,
            f"{folder} cannot be written: {os.strerror(number)}. Make room, or give another "
            "folder; what was there is as it was",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _disk_error(error: OSError) -> int | None:
    """The number of an error that another folder mends; None of any other error."""
    if isinstance(error, shutil.Error):  # of a whole tree: a list of (source, copy, reason)
        reasons = " ".join(str(reason) for *_, reason in error.args[0])
        return next((number for number in _OF_THE_DISK if os.strerror(number) in reasons), None)
    return error.errno if error.errno in _OF_THE_DISK else None


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
