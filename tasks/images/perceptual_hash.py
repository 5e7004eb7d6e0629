"""What tells one picture from another, however it was compressed or resized."""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from torch import Tensor

_SIDE = 32
# Coefficients below this are the rounding of pixels to whole levels, not the picture.
_NOISE = 2.0
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601


class Fingerprint(NamedTuple):
    """hash : 64 bits, one per low frequency; 0 for a picture without structure
    colour : mean red, green and blue, in whole levels, 0 to 255
    """

    hash: int
    colour: tuple[int, int, int]


def fingerprint(pixels: Tensor) -> Fingerprint:
    """The perceptual hash of a picture, and its mean colour, of which the hash knows nothing.

    The picture is shrunk to 32 x 32 and its luminance transformed; each bit says whether one of
    the 64 lowest frequencies, the constant left out, is above their median (Zauner,
    Implementation and Benchmarking of Perceptual Image Hash Functions, 2010, section 3.2.1).

    pixels : uint8 Tensor, shape (3, height, width)
    """
    small = np.stack(
        [cv2.resize(c, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for c in pixels.numpy()]
    ).astype(np.float32)
    lowest = cv2.dct(np.tensordot(_LUMINANCE, small, axes=1))[1:9, 1:9].ravel()
    lowest = np.where(np.abs(lowest) < _NOISE, 0, lowest)
    above: npt.NDArray[np.bool_] = lowest > np.median(lowest)
    red, green, blue = (int(level) for level in np.rint(small.mean(axis=(1, 2))))
    return Fingerprint(int(np.packbits(above).view(">u8")[0]), (red, green, blue))
