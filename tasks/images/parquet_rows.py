"""Encoded images in a column of a Parquet file, row by row."""

import re
import threading
from contextlib import ExitStack

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.images.opening import open_uri

_ROW = re.compile(r"(.+\.parquet)#(.*)", re.DOTALL)


def parse_row(uri: str) -> tuple[str, str] | None:
    """File and row of a uri FILE.parquet#ROW; None for any other."""
    found = _ROW.fullmatch(uri)
    return None if found is None else (found[1], found[2])


class ParquetRows:
    """Keeps the last row group of the last file, so rows in order are read once. Threads may share
    it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened = ExitStack()
        self._file: pq.ParquetFile | None = None
        self._name = ""
        self._group: pa.ChunkedArray | None = None
        self._rows = range(0)

    def read(self, name: str, row: int) -> bytes:
        """The bytes in a row of the column of images.

        Raises: ValueError for a row that is not there or empty, and what opening raises.
        """
        with self._lock:
            if name != self._name or self._file is None:
                self._open(name)
            if row not in self._rows:
                self._load_group_of(row)
            assert self._group is not None  # set with _rows
            content: bytes | None = self._group[row - self._rows.start].as_py()
        if content is None:
            raise ValueError(f"row {row} holds no image bytes")
        return content

    def _open(self, name: str) -> None:
        self._file, self._rows = None, range(0)
        self._opened.close()
        stream = self._opened.enter_context(open_uri(name))
        self._file, self._name = pq.ParquetFile(stream), name

    def _load_group_of(self, row: int) -> None:
        assert self._file is not None  # opened by the only caller
        start = 0
        for group in range(self._file.num_row_groups):
            stop = start + self._file.metadata.row_group(group).num_rows
            if start <= row < stop:
                path = image_column(self._file.schema_arrow)
                column = self._file.read_row_group(group, columns=[path]).column(0)
                if pa.types.is_struct(column.type):
                    column = pa.chunked_array([c.field("bytes") for c in column.chunks])
                self._group, self._rows = column, range(start, stop)
                return
            start = stop
        raise ValueError(f"row {row} is outside the file's {start} rows")


def image_column(schema: pa.Schema) -> str | None:
    """Path of the column with encoded images: `image.bytes` (the Hugging Face layout), another
    such struct, or a binary column; None where there is none."""
    structs = [field.name for field in schema if holds_files(field)]
    if structs:  # beside it a mask may stand as such a struct
        return f"{'image' if 'image' in structs else structs[0]}.bytes"
    for field in schema:
        if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            return str(field.name)
    return None


def holds_files(field: pa.Field) -> bool:
    """Whether a column holds structs with the bytes of a file each."""
    return bool(pa.types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0)
