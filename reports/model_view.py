"""The part of an image that the model saw, as a small JPEG, and the object's outline on it."""

import contextlib

import cv2
import numpy as np
import numpy.typing as npt

from tasks.images.decoding import ImageSource, Pixels, UnreadableImage
from tasks.images.geometry import Placement
from tasks.images.masks import read_mask

LONGEST_SIDE = 224
# Of photographs at 224 pixels 9.6 KB and 36 dB; 85 would take 12.5 KB for 2 dB more, and these
# pictures are most of a large report.
JPEG_QUALITY = 75
# Pages enlarge smaller pictures, and with them blocks and smeared colours.
SMALL_SIDE, SMALL_QUALITY = 128, 90

Boxes = list[list[float]]


def draw_view(image: Pixels, placement: Placement) -> Pixels:
    """Resize and crop as the model's preprocessing does, then shrink to at most 224 pixels.

    image : uint8, shape (placement.height, placement.width, 3), RGB

    Returns: uint8 RGB, a square.
    """
    size = (placement.resized_width, placement.resized_height)
    shrinks = placement.resized_width < placement.width
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    bottom, right = placement.top + placement.crop, placement.left + placement.crop
    view = resized[placement.top : bottom, placement.left : right]
    if placement.crop > LONGEST_SIDE:
        side = (LONGEST_SIDE, LONGEST_SIDE)
        view = cv2.resize(view, side, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(view, dtype=np.uint8)


def encode_jpeg(view: Pixels) -> bytes:
    """RGB pixels as a JPEG file."""
    flags = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    if max(view.shape) < SMALL_SIDE:
        flags[1] = SMALL_QUALITY
        flags += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    _, content = cv2.imencode(".jpg", cv2.cvtColor(view, cv2.COLOR_RGB2BGR), flags)
    return bytes(content)


def outline_path(
    source: ImageSource, mask_uri: str | None, boxes: Boxes, placement: Placement
) -> str:
    """SVG path data of the object in pixels of the crop: the mask's contours or else the
    boxes; empty where neither is known."""
    if mask_uri:
        # Where the mask cannot be read, the boxes still say where the object is.
        with contextlib.suppress(UnreadableImage):
            return _mask_path(source, mask_uri, placement)
    return "".join(_box_path(box, placement) for box in boxes)


def _mask_path(source: ImageSource, mask_uri: str, placement: Placement) -> str:
    mask = read_mask(source, mask_uri)
    x, y = placement.image_coordinates()
    rows = (y * mask.shape[0] / placement.height).astype(int)
    cols = (x * mask.shape[1] / placement.width).astype(int)
    return contours_path(mask[np.ix_(rows, cols)])


def contours_path(seen: npt.NDArray[np.bool_]) -> str:
    """SVG path data of the borders of all that is True in the model's view, holes included.

    seen : bool, shape (crop, crop)
    """
    cells = np.ascontiguousarray(seen, dtype=np.uint8)
    contours, _ = cv2.findContours(cells, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    smooth = [cv2.approxPolyDP(c, len(seen) / 200, True)[:, 0, :] for c in contours]
    return "".join(
        "M" + "L".join(f"{column} {row}" for column, row in points) + "Z"
        for points in smooth
        if len(points) > 2
    )


def _box_path(box: list[float], placement: Placement) -> str:
    across, down = (
        placement.resized_width / placement.width,
        placement.resized_height / placement.height,
    )
    left, right = (round(edge * across - placement.left, 1) for edge in (box[0], box[2]))
    top, bottom = (round(edge * down - placement.top, 1) for edge in (box[1], box[3]))
    return f"M{left} {top}H{right}V{bottom}H{left}Z"
