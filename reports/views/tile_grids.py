"""Many small pictures as one: a grid of equal tiles, each cell drawn as a sharp square."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from tasks.images.decoding import Pixels

_LONGEST_SIDE = 16_000  # of a WebP file it is 16,383


@dataclass(frozen=True)
class TileGrid:
    """A picture of tiles in rows, the first at the top left; see-through between them.

    picture : uint8 RGBA
    columns, rows : tiles across and down
    tile_width, tile_height, gap : in pixels of the picture; tile (r, c) starts at
        (r * (tile_height + gap), c * (tile_width + gap))
    limits : float64, shape (tiles,), in the order of the tiles: raw value of each one's
        strongest colour; 0 for a tile that is zero everywhere
    signed : the colours tell values below zero from values above it
    """

    picture: Pixels
    columns: int
    rows: int
    tile_width: int
    tile_height: int
    gap: int
    limits: npt.NDArray[np.float64]
    signed: bool


def lay_out(
    tiles: Pixels,
    limits: npt.NDArray[np.float64],
    *,
    signed: bool,
    columns: int | None,
    shortest_side: int,
    gap: int,
) -> TileGrid:
    """Enlarge tiles by a whole number, cell by cell, and put them in rows.

    tiles : uint8 RGB, shape (tiles, height, width, 3), at least one
    limits, signed : as in the result
    columns : tiles in a row; None for a grid about as wide as high
    shortest_side : of a tile in pixels, at least; larger ones stay as they are
    gap : pixels between tiles

    Raises: ValueError where the picture would be larger than its file may be.
    """
    count, height, width = tiles.shape[:3]
    columns = min(count, columns or math.ceil(math.sqrt(count * height / width)))
    rows = math.ceil(count / columns)
    factor = max(1, math.ceil(shortest_side / min(height, width)))
    tile_height, tile_width = height * factor, width * factor
    size = (rows * (tile_height + gap) - gap, columns * (tile_width + gap) - gap)
    if max(size) > _LONGEST_SIDE:
        raise ValueError(
            f"{count} tiles of {height} x {width} make a picture of {size[0]} x {size[1]} pixels; "
            f"expected at most {_LONGEST_SIDE} a side. Draw fewer of them"
        )
    picture = np.zeros((*size, 4), np.uint8)
    for index, tile in enumerate(tiles):
        top, left = index // columns * (tile_height + gap), index % columns * (tile_width + gap)
        sharp = tile.repeat(factor, axis=0).repeat(factor, axis=1)
        picture[top : top + tile_height, left : left + tile_width, :3] = sharp
        picture[top : top + tile_height, left : left + tile_width, 3] = 255
    return TileGrid(picture, columns, rows, tile_width, tile_height, gap, limits, signed)


def encode_sharp(picture: Pixels) -> bytes:
    """RGBA pixels as a lossless WebP file: JPEG-like coding would smear cells into each other."""
    flags = [cv2.IMWRITE_WEBP_QUALITY, 101]  # above 100 is lossless
    written, content = cv2.imencode(".webp", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA), flags)
    if not written:
        raise ValueError(f"OpenCV cannot encode a picture of shape {picture.shape}")
    return bytes(content)
