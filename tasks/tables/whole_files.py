"""Files that appear whole or not at all, and whether one did."""

import errno
import functools
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_PARQUET_END = b"PAR1"
_ROWS_PER_GROUP = 2**15


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` to write to; renamed into place if the block succeeds.

    A file that is visible under its own name is complete.

    Raises: OSError where it cannot be written, or `path` is anything but a file.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not _is_replaceable(path):
            raise OSError(errno.EINVAL, "expected a file's name, got a folder, device or pipe")
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise type(error)(
            error.errno, f"{path} cannot be written: {error.strerror or error}"
        ) from error
    finally:
        with suppress(NotADirectoryError):
            temporary.unlink(missing_ok=True)


def _is_replaceable(path: Path) -> bool:
    """Renamed onto /dev/stdout, a file would take its place for every program of the machine."""
    is_stream = path.is_symlink() and os.readlink(path).startswith("/proc/")
    return not is_stream and (path.is_file() or not path.exists())


def is_whole(file: Path) -> bool:
    """Whether a Parquet file is there to its end: one that was cut lacks the last bytes."""
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, file.stat().st_size - len(_PARQUET_END)))
            return opened.read() == _PARQUET_END
    except (FileNotFoundError, NotADirectoryError):
        return False


def write_table(path: Path, table: pa.Table) -> None:
    """Write Parquet with zstd, atomically, in groups of rows of which a reader holds one."""
    with atomic_path(path) as temporary:
        how = _how_written(table.schema)
        pq.write_table(table, temporary, row_group_size=_ROWS_PER_GROUP, **how)


@contextmanager
def table_writer(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """For tables that are written a part at a time, as `write_table` writes them."""
    with (
        atomic_path(path) as temporary,
        pq.ParquetWriter(temporary, schema, **_how_written(schema)) as writer,
    ):
        yield writer


@functools.lru_cache
def _how_written(schema: pa.Schema) -> dict[str, Any]:
    """Dictionaries only where values recur: in one of floating-point numbers nearly each has its
    own entry, which makes maps a sixth larger and more than twice as slow to read."""
    empty = io.BytesIO()
    pq.write_table(schema.empty_table(), empty)
    recurring = [
        leaf.path
        for leaf in pq.ParquetFile(empty).schema
        if leaf.physical_type not in ("FLOAT", "DOUBLE") and leaf.logical_type.type != "FLOAT16"
    ]
    return {"compression": "zstd", "use_dictionary": recurring}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON for a person to read, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
