"""Raw values to opaque colours, on a scale of each tile's own or on a common one."""

import cv2
import numpy as np
import numpy.typing as npt

from tasks.images.decoding import Pixels

Values = npt.NDArray[np.float32]

NOT_FINITE = (255, 0, 255)  # magenta: in none of the colour scales

# As on the contrast maps of colours.py, but opaque, with white in the middle.
_SIGNED = np.array(
    [
        [8, 40, 110], [24, 84, 176], [84, 148, 216], [150, 195, 240], [255, 255, 255],
        [250, 170, 145], [236, 110, 84], [200, 36, 40], [116, 6, 26],
    ],
    np.float64,
)  # fmt: skip


def tile_limits(values: Values, *, common: bool) -> npt.NDArray[np.float64]:
    """The largest absolute value of each tile, or of all of them for each; what is not finite
    does not count.

    values : float32, shape (tiles, ...)
    """
    sizes = np.abs(np.where(np.isfinite(values), values, 0).astype(np.float64))
    own = sizes.reshape(len(values), -1).max(axis=1)
    return np.full_like(own, own.max()) if common else own


def shares_of_limits(values: Values, limits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Each tile over its limit, in [-1, 1]; 0 where the limit is 0, NaN where not finite.

    values : float32, shape (tiles, ...)
    limits : float64, shape (tiles,), from `tile_limits` of these values or more
    """
    divisors = np.where(limits > 0, limits, 1.0).reshape(-1, *[1] * (values.ndim - 1))
    finite = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    return finite / divisors


def signed_colours(shares: npt.NDArray[np.float64]) -> Pixels:
    """Opaque colours for values in [-1, 1]: blue below 0, white at 0, red above; NaN magenta.

    Returns: uint8 RGB, shape (*shares.shape, 3).
    """
    steps = np.linspace(-1, 1, len(_SIGNED))
    colour = np.stack(
        [np.interp(np.nan_to_num(shares), steps, channel) for channel in _SIGNED.T], axis=-1
    )
    return mark_not_finite(np.rint(colour).astype(np.uint8), shares)


def positive_colours(shares: npt.NDArray[np.float64]) -> Pixels:
    """Opaque colours for values in [0, 1]: black at 0, through purple and orange to pale yellow
    (inferno); NaN magenta.

    Returns: uint8 RGB, shape (*shares.shape, 3).
    """
    index = np.rint(255 * np.clip(np.nan_to_num(shares), 0, 1)).astype(np.uint8)
    flat = cv2.applyColorMap(index.reshape(-1, 1), cv2.COLORMAP_INFERNO)
    colour = cv2.cvtColor(flat, cv2.COLOR_BGR2RGB).reshape(*shares.shape, 3)
    return mark_not_finite(colour.astype(np.uint8), shares)


def mark_not_finite(colour: Pixels, shares: npt.NDArray[np.float64]) -> Pixels:
    """Magenta where `shares` is NaN, of the same shape but for the colour."""
    marked = np.where(np.isnan(shares)[..., None], NOT_FINITE, colour)
    return marked.astype(np.uint8)
