"""Raw maps to coloured, see-through pictures on a scale that is shared by all images."""

import functools
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Map = npt.NDArray[np.float32]
Colours = npt.NDArray[np.uint8]  # RGBA, shape (steps, 4)
Floats = npt.NDArray[np.float64]

PIXELS_PER_CELL = 8
_LONGEST_SIDE = 64  # pixels; a browser enlarges the rest, and nobody sees a difference
_DARKEST = 0.35  # of inferno: its black would read as a shadow in the photograph
# opacity = strength ** fade. A positive map covers the whole image faintly and would tint it;
# a contrast map is near zero in most cells and would be lost.
_FADE_POSITIVE = 0.8
_FADE_SIGNED = 0.5

# Light to full colour, away from zero; the middle itself is see-through.
_AGAINST = np.array([[150, 195, 240], [84, 148, 216], [24, 84, 176], [8, 40, 110]], np.float64)
_FOR = np.array([[250, 170, 145], [236, 110, 84], [200, 36, 40], [116, 6, 26]], np.float64)


def positive_rgba(strength: Floats) -> Colours:
    """See-through at 0, through purple and orange to yellow at 1.

    strength : float64 in [0, 1], shape (steps,)
    """
    shade = np.rint(255 * (_DARKEST + (1 - _DARKEST) * strength)).astype(np.uint8)[:, None]
    colour = cv2.cvtColor(cv2.applyColorMap(shade, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    return _with_opacity(colour[:, 0], strength**_FADE_POSITIVE)


def signed_rgba(value: Floats) -> Colours:
    """Blue below 0, see-through at 0, red above.

    value : float64 in [-1, 1], shape (steps,)
    """
    strength = np.abs(value)
    colour = np.where(value[:, None] >= 0, _ramp(strength, _FOR), _ramp(strength, _AGAINST))
    return _with_opacity(np.rint(colour), strength**_FADE_SIGNED)


def positive_png(raw: Map, limit: float) -> bytes:
    """A map that is >= 0, in `positive_rgba`, with up to 8 pixels per cell.

    raw : float32, shape (rows, cols)
    limit : value of the strongest colour, above 0; larger values are clipped to it
    """
    strength = np.clip(_upsample(raw) / limit, 0, 1)
    return _png(255 * strength**_FADE_POSITIVE, _positive_palette())


def signed_png(raw: Map, limit: float) -> bytes:
    """A map of both signs, in `signed_rgba`; as `positive_png`, clipped to [-limit, limit]."""
    value = np.clip(_upsample(raw) / limit, -1, 1)
    return _png(127 * (1 + np.sign(value) * np.abs(value) ** _FADE_SIGNED), _signed_palette())


@functools.cache
def _positive_palette() -> bytes:
    """Of 256 even steps of opacity, which rises steeply from 0."""
    return positive_rgba(np.linspace(0, 1, 256) ** (1 / _FADE_POSITIVE)).tobytes()


@functools.cache
def _signed_palette() -> bytes:
    """Of 255 even steps of opacity, the middle one see-through."""
    steps = np.linspace(-1, 1, 255)
    return signed_rgba(np.sign(steps) * np.abs(steps) ** (1 / _FADE_SIGNED)).tobytes()


def _png(steps: Map, palette: bytes) -> bytes:
    """With a palette: a WebP of the same picture takes ten times as long."""
    picture = Image.fromarray(np.rint(steps).astype(np.uint8))
    picture.putpalette(palette, "RGBA")
    content = BytesIO()
    picture.save(content, "PNG", compress_level=1)
    return content.getvalue()


def _upsample(raw: Map) -> Map:
    rows, cols = raw.shape
    factor = max(1, min(PIXELS_PER_CELL, _LONGEST_SIDE // max(rows, cols)))
    size = (cols * factor, rows * factor)
    return cv2.resize(raw, size, interpolation=cv2.INTER_CUBIC).astype(np.float32)


def _ramp(strength: Floats, colours: Floats) -> Floats:
    steps = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(strength, steps, channel) for channel in colours.T], axis=-1)


def _with_opacity(colour: npt.NDArray[Any], opacity: Floats) -> Colours:
    return np.column_stack([colour, np.rint(255 * opacity)]).astype(np.uint8)
