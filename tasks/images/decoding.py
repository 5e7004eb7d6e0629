"""Image bytes to pixels."""

import re
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from tasks.images.opening import read_uri
from tasks.images.parquet_rows import ParquetRows, parse_row
from tasks.images.tar_members import TarReader, parse_member

Pixels = npt.NDArray[np.uint8]

_PNG = b"\x89PNG\r\n\x1a\n"
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # neither a stuffed byte nor a restart
_JPEG = b"\xff\xd8\xff"
# In BGR: OpenCV has no such modes in RGB.
_REDUCED = {
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


class UnreadableImage(Exception):
    """Why an image becomes a row of `failures`; `stage` is 'read', 'decode' or 'mask'."""

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(reason)
        self.stage = stage


class ImageSource:
    """Reads image bytes by uri: a local path, an fsspec URL, FILE.parquet#ROW or
    ARCHIVE.tar#START+SIZE/NAME; the last two with a path or URL before the sign.

    Threads may share it; another process gets one of its own.
    """

    def __init__(self) -> None:
        self._parquet = ParquetRows()
        self._tar = TarReader()

    def __reduce__(self) -> tuple[type["ImageSource"], tuple[()]]:
        return ImageSource, ()

    def read(self, uri: str) -> bytes:
        """The bytes behind `uri`.

        Raises: UnreadableImage (stage 'read').
        """
        try:
            return self._read(uri)
        except Exception as error:  # each storage backend raises its own kinds
            raise UnreadableImage("read", f"{type(error).__name__}: {error}") from error

    def _read(self, uri: str) -> bytes:
        if member := parse_member(uri):
            return self._tar.read(member)
        if row := parse_row(uri):
            return self._parquet.read(row[0], int(row[1]))
        return read_uri(uri)


def decode_image(content: bytes, reduction: int = 1) -> Pixels:
    """Pixels as a viewer would show them: EXIF rotation applied, first frame of an animation,
    16 bit reduced to 8, grey and CMYK turned to RGB, alpha dropped.

    reduction : 1, 2, 4 or 8, what height and width are divided by, rounded up for a JPEG

    Returns: uint8, shape (height, width, 3), RGB.

    Raises: UnreadableImage (stage 'decode').
    """
    if reduction == 1:
        return _decode(content, cv2.IMREAD_COLOR_RGB)
    return np.ascontiguousarray(_decode(content, _REDUCED[reduction])[:, :, ::-1])


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
