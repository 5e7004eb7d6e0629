"""Image bytes to pixels."""

import re
import threading
from pathlib import Path
from typing import Any

import cv2
import fsspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

Pixels = npt.NDArray[np.uint8]

_ROW_SIGN = ".parquet#"
_PNG = b"\x89PNG\r\n\x1a\n"
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # neither a stuffed byte nor a restart
_JPEG = b"\xff\xd8\xff"


class UnreadableImage(Exception):
    """Why an image becomes a row of `failures`; `stage` is 'read', 'decode' or 'mask'."""

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(reason)
        self.stage = stage


class ImageSource:
    """Reads image bytes by uri: a local path, an fsspec URL, or FILE.parquet#ROW.

    Keeps the last row group of the last Parquet file, so rows in order are read once. Threads
    may share it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._file: pq.ParquetFile | None = None
        self._name = ""
        self._group: pa.ChunkedArray | None = None
        self._rows = range(0)

    def read(self, uri: str) -> bytes:
        """The bytes behind `uri`.

        Raises: UnreadableImage (stage 'read').
        """
        try:
            if _ROW_SIGN in uri:
                name, row = uri.rsplit("#", 1)
                with self._lock:
                    return self._read_row(name, int(row))
            if "://" not in uri:  # a local path may hold "::", which fsspec takes for a chain
                return Path(uri).read_bytes()
            with fsspec.open(uri, "rb") as file:
                content: bytes = file.read()
            return content
        except Exception as error:  # each storage backend raises its own kinds
            raise UnreadableImage("read", f"{type(error).__name__}: {error}") from error

    def _read_row(self, name: str, row: int) -> bytes:
        if name != self._name or self._file is None:
            self._file = pq.ParquetFile(fsspec.open(name, "rb").open())
            self._name, self._rows = name, range(0)
        if row not in self._rows:
            self._load_group_of(row)
        assert self._group is not None  # set with _rows
        content: bytes | None = self._group[row - self._rows.start].as_py()
        if content is None:
            raise ValueError(f"row {row} holds no image bytes")
        return content

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
    """Path of the column with encoded images: `image.bytes` (the Hugging Face layout) or a
    binary column; None where there is none."""
    for field in schema:
        if pa.types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0:
            return f"{field.name}.bytes"
    for field in schema:
        if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            return str(field.name)
    return None


def decode_image(content: bytes) -> Pixels:
    """Pixels as a viewer would show them: EXIF rotation applied, first frame of an animation,
    16 bit reduced to 8, grey and CMYK turned to RGB, alpha dropped.

    Returns: uint8, shape (height, width, 3), RGB.

    Raises: UnreadableImage (stage 'decode').
    """
    return _decode(content, cv2.IMREAD_COLOR_RGB)


def decode_mask(content: bytes) -> npt.NDArray[np.bool_]:
    """An object mask: more than half of full scale is object; in a mask of 0 and 1, 1 is.

    Returns: bool, shape (height, width).

    Raises: UnreadableImage (stage 'decode').
    """
    grey = _decode(content, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)
    mask = grey > (0 if grey.max() <= 1 else 127)
    if grey.any() and not mask.any():
        raise UnreadableImage(
            "decode",
            f"the mask's brightest grey is {grey.max()}; expected an object of 255 (or of 1 "
            "alone). Turn class numbers or a palette into 0 and 255",
        )
    return mask


def _jpeg_is_whole(content: bytes) -> bool:
    """Whether the end marker of the first image is there; a film or a second one may follow."""
    at = 2
    while found := _MARKER.search(content, at):
        if found[0] == b"\xff\xd9":
            return True
        at = found.end() + int.from_bytes(content[found.end() : found.end() + 2])
    return False


def _png_is_whole(content: bytes) -> bool:
    at = len(_PNG)
    while at + 8 <= len(content):
        if content[at + 4 : at + 8] == b"IEND":
            return True
        at += 12 + int.from_bytes(content[at : at + 4])
    return False


def _decode(content: bytes, mode: int) -> Pixels:
    if not content:
        raise UnreadableImage("decode", "the file is empty")
    # OpenCV fills up what a truncated file lacks with grey and says nothing.
    if content.startswith(_JPEG) and not _jpeg_is_whole(content):
        raise UnreadableImage("decode", "truncated JPEG: its end marker is missing")
    if content.startswith(_PNG) and not _png_is_whole(content):
        raise UnreadableImage("decode", "truncated PNG: its end chunk is missing")
    try:
        pixels: Any = cv2.imdecode(np.frombuffer(content, np.uint8), mode)
    except cv2.error as error:
        raise UnreadableImage("decode", f"OpenCV: {error.err}") from error
    if pixels is None or pixels.size == 0:
        raise UnreadableImage("decode", "not an image in a format that OpenCV reads")
    return pixels
