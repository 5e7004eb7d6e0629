"""Files by uri."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, cast

import fsspec


def local_path(uri: str) -> str | None:
    """Path of a local name or a file:// URL; None for any other URL.

    What fsspec would make of a local name is never asked: to it '::' is a chain of filesystems
    and '*' a pattern, and both may lead elsewhere than where the name stands.
    """
    for scheme in ("file://", "local://"):
        if uri.startswith(scheme) and "::" not in uri:
            uri = uri.removeprefix(scheme)
    return None if "://" in uri else uri


def open_uri(uri: str) -> AbstractContextManager[BinaryIO]:
    """A local path, a file:// URL, or an fsspec URL, to be read within a `with`.

    Raises: OSError, and what else a filesystem raises.
    """
    path = local_path(uri)
    if path is not None:
        return open(path, "rb")
    return cast(AbstractContextManager[BinaryIO], fsspec.open(uri, "rb", expand=False))


def read_uri(uri: str) -> bytes:
    """All bytes of a file; of one behind a URL by one request, where opening takes a second.

    Raises: OSError, and what else a filesystem raises.
    """
    path = local_path(uri)
    if path is not None:
        return Path(path).read_bytes()
    filesystem, remote = fsspec.url_to_fs(uri)
    return cast(bytes, filesystem.cat_file(remote))
