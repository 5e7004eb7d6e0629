"""Whether a file has changed."""

import os

from tasks.images.parquet_rows import parse_row
from tasks.images.tar_members import parse_member


def file_state(uri: str) -> tuple[int, str]:
    """Size of a local file in bytes (-1: not known) and a key that changes when it does.

    Of a member of a tar archive the size is its own; its key, as that of a row of a Parquet file,
    is the key of the whole file.
    """
    uri = uri.removeprefix("file://")
    member, row = parse_member(uri), parse_row(uri)
    file = member.archive if member else row[0] if row else uri
    if "://" in file:
        return -1, "remote"
    try:
        status = os.stat(file)
    except OSError:
        return -1, "missing"
    return member.size if member else status.st_size, f"{status.st_size}-{status.st_mtime}"
