"""Raw maps to coloured, see-through pictures on a scale that is shared by all images."""

import cv2
import numpy as np
import numpy.typing as npt

from tasks.images.decoding import Pixels

Map = npt.NDArray[np.float32]

PIXELS_PER_CELL = 8
_LONGEST_SIDE = 224
_DARKEST = 0.35  # of inferno: its black would read as a shadow in the photograph
# opacity = strength ** fade. A positive map covers the whole image faintly and would tint it;
# a contrast map is near zero in most cells and would be lost.
_FADE_POSITIVE = 0.8
_FADE_SIGNED = 0.5

# Light to full colour, away from zero; the middle itself is see-through.
_AGAINST = np.array([[150, 195, 240], [84, 148, 216], [24, 84, 176], [8, 40, 110]], np.float64)
_FOR = np.array([[250, 170, 145], [236, 110, 84], [200, 36, 40], [116, 6, 26]], np.float64)


def colour_positive(raw: Map, limit: float) -> Pixels:
    """A map that is >= 0: see-through at 0, through purple and orange to yellow at `limit`.

    raw : float32, shape (rows, cols)
    limit : value of the strongest colour, above 0; larger values are clipped to it

    Returns: uint8 RGBA, about 8 pixels per cell.
    """
    strength = np.clip(_upsample(raw) / limit, 0, 1)
    index = np.rint(255 * (_DARKEST + (1 - _DARKEST) * strength)).astype(np.uint8)
    colour = cv2.cvtColor(cv2.applyColorMap(index, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    return _with_opacity(colour, strength**_FADE_POSITIVE)


def colour_signed(raw: Map, limit: float) -> Pixels:
    """A map of both signs: red above 0, blue below, see-through at 0.

    Arguments and result as for `colour_positive`; clipped to [-limit, limit].
    """
    signed = np.clip(_upsample(raw) / limit, -1, 1)
    strength = np.abs(signed)
    colour = np.where(signed[..., None] >= 0, _ramp(strength, _FOR), _ramp(strength, _AGAINST))
    return _with_opacity(np.rint(colour).astype(np.uint8), strength**_FADE_SIGNED)


def encode(picture: Pixels) -> bytes:
    """RGBA pixels as a WebP file."""
    flags = [cv2.IMWRITE_WEBP_QUALITY, 90]
    written, content = cv2.imencode(".webp", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA), flags)
    if not written:
        raise ValueError(f"OpenCV cannot encode a picture of shape {picture.shape}")
    return bytes(content)


def _upsample(raw: Map) -> Map:
    rows, cols = raw.shape
    factor = max(1, min(PIXELS_PER_CELL, _LONGEST_SIDE // max(rows, cols)))
    size = (cols * factor, rows * factor)
    return cv2.resize(raw, size, interpolation=cv2.INTER_CUBIC).astype(np.float32)


def _ramp(strength: Map, colours: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    steps = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(strength, steps, channel) for channel in colours.T], axis=-1)


def _with_opacity(colour: Pixels, opacity: Map) -> Pixels:
    return np.dstack([colour, np.rint(255 * opacity).astype(np.uint8)])
