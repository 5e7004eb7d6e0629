"""Large JPEGs at a half, a quarter or an eighth of their size, in a fraction of the time."""

from tasks import MOST_PIXELS
from tasks.images.decoding import Pixels, decode_image

Size = tuple[int, int]

_FACTORS = (8, 4, 2)  # libjpeg leaves the high frequencies of each block out
_NO_FRAME = (0xC4, 0xC8, 0xCC)  # among SOF0 to SOF15: tables, an extension, arithmetic coding
_SCAN, _END = 0xDA, 0xD9


def decode_reduced(content: bytes, shorter_side: int) -> tuple[Pixels, Size]:
    """Pixels as of `decode_image`; of a JPEG by the largest reduction in (8, 4, 2) whose shorter
    side is still at least `shorter_side`.

    Returns: uint8, shape (ceil(height / r), ceil(width / r), 3), RGB, and the width and height of
    the image itself, upright. The last row and column may reach beyond it, by less than r pixels
    of the image. Where its sides differ, but not after the reduction, less is reduced: which of
    them is the width after a rotation could not be told.

    Raises: UnreadableImage (stage 'decode'), as `decode_image`.
    """
    stored = _jpeg_size(content)
    factor = 1 if stored is None else reduction(stored, shorter_side)
    # OpenCV holds the reduced image to its limit, and libjpeg may need memory for the whole one.
    if stored is not None and factor > 1 and stored[0] * stored[1] <= MOST_PIXELS:
        pixels = decode_image(content, factor)
        for width, height in (stored, stored[::-1]):
            if pixels.shape[:2] == _reduced((height, width), factor):
                return pixels, (width, height)
    pixels = decode_image(content)
    return pixels, (pixels.shape[1], pixels.shape[0])


def reduction(size: Size, shorter_side: int) -> int:
    """8, 4 or 2, or 1 where even a half is too small.

    size : of the image, pixels
    shorter_side : pixels that have to be left, > 0
    """
    for factor in _FACTORS:
        sides = _reduced(size, factor)
        if min(sides) >= shorter_side and (sides[0] != sides[1] or size[0] == size[1]):
            return factor
    return 1


def _reduced(size: Size, factor: int) -> Size:
    return -(-size[0] // factor), -(-size[1] // factor)


def _jpeg_size(content: bytes) -> Size | None:
    """Width and height as its frame header states them; None for what is no JPEG or has none."""
    at = 2 if content.startswith(b"\xff\xd8\xff") else len(content)
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            height = int.from_bytes(content[at + 5 : at + 7])
            return int.from_bytes(content[at + 7 : at + 9]), height
        if marker in (_SCAN, _END):
            break
        # A marker may be preceded by any number of bytes 0xFF.
        at += 1 if marker == 0xFF else 2 + int.from_bytes(content[at + 2 : at + 4])
    return None
