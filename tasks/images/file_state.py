"""Whether a file has changed."""

import os


def file_state(uri: str) -> tuple[int, str]:
    """Size of a local file in bytes (-1: not known) and a key that changes when it does."""
    uri = uri.removeprefix("file://")
    if "://" in uri:
        return -1, "remote"
    try:
        status = os.stat(uri.rsplit("#", 1)[0] if ".parquet#" in uri else uri)
    except OSError:
        return -1, "missing"
    return status.st_size, f"{status.st_size}-{status.st_mtime}"
