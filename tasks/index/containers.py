"""Files with many images in each: Parquet and tar archives."""

from typing import Any

from tasks.errors import AuditError
from tasks.index.listed_rows import ListedRows, join_rows
from tasks.index.listing import Listing, is_remote
from tasks.index.manifest_files import read_parquet_manifest
from tasks.index.roots import Roots
from tasks.index.tar_shards import tar_rows

_COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")


def is_container(path: str) -> bool:
    """Whether a file's name says that it holds images, be it in a way that is refused."""
    return path.endswith((".parquet", ".tar")) or is_compressed(path)


def is_compressed(path: str) -> bool:
    """Whether a file's name says that it is a compressed archive, which is refused."""
    return path.endswith(_COMPRESSED)


def container_rows(filesystem: Any, files: Listing, roots: Roots) -> ListedRows:
    """The images in Parquet files, or in tar archives, in the order of the files.

    files : what `filesystem`, of fsspec, states of each; at least one

    Raises: AuditError for files of both kinds or of neither, for compressed archives, for a link
    out of the roots, and for what cannot be read.
    """
    if not is_remote(filesystem):
        roots.refuse_outside(list(files), "file", 1)
    kinds = {_kind(path): path for path in files}
    if len(kinds) > 1:
        raise AuditError(
            f"expected Parquet files or tar archives, got both: {' and '.join(kinds.values())}. "
            "Give those that you mean by a pattern, as in 'folder/*.tar'"
        )
    if "tar" in kinds:
        return tar_rows(filesystem, files)
    tables = [read_parquet_manifest(filesystem.unstrip_protocol(path), roots) for path in files]
    if len({table.class_names for table in tables}) > 1:
        raise AuditError(f"{next(iter(files))} and the other Parquet files name different classes")
    return join_rows(tables)


def _kind(path: str) -> str:
    if is_compressed(path):
        raise AuditError(
            f"{path} is compressed, and no image in it can be reached without all before it; "
            "expected a plain .tar. Decompress it"
        )
    for kind in ("parquet", "tar"):
        if path.endswith(f".{kind}"):
            return kind
    raise AuditError(f"{path}: expected a pattern of .tar or .parquet files")
