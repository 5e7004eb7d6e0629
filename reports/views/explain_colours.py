"""Views at the pixels, and concepts, as coloured pictures."""

import cv2
import numpy as np
import numpy.typing as npt

from reports.colours import PIXELS_PER_CELL
from reports.views.tile_colours import Values, positive_colours
from tasks.images.decoding import Pixels

SHARE_BELOW = 99.5  # percent of a view's values that are not clipped
# Okabe and Ito's colours, which the colour-blind can tell apart; concepts in turn.
CONCEPT_COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (204, 121, 167))


def saliency_limit(values: Values) -> float:
    """The absolute value that 99.5 percent stay below, or else the largest: a few pixels would
    leave the rest invisible.

    values : float32, finite, not all zero
    """
    sizes = np.abs(values)
    return float(np.percentile(sizes, SHARE_BELOW) or sizes.max())


def colour_saliency(values: Values, *, signed: bool) -> Pixels:
    """A view at the pixels, opaque, on a scale of its own up to `saliency_limit`.

    values : float32, shape (3, rows, cols)
    signed : each channel in its own colour, grey (128) at 0; otherwise the largest absolute value
        over the channels, from black through purple and orange to yellow

    Returns: uint8 RGBA, shape (rows, cols, 4).
    """
    if signed:
        shares = np.clip(values / saliency_limit(values), -1, 1).transpose(1, 2, 0)
        colour = np.rint(127.5 + 127.5 * shares).astype(np.uint8)
    else:
        largest = np.abs(values).max(axis=0)
        colour = positive_colours(np.clip(largest / saliency_limit(largest), 0, 1))
    return np.dstack([colour, np.full(colour.shape[:2], 255, np.uint8)])


def colour_concept(amounts: Values, limit: float, concept: int) -> Pixels:
    """One concept, see-through where it is absent and in its colour where it is present.

    amounts : float32, shape (rows, cols), >= 0
    limit : the amount of the full colour, above 0

    Returns: uint8 RGBA, about 8 pixels per cell.
    """
    strength = _strength(amounts, limit)
    colour = np.broadcast_to(_colour(concept), (*strength.shape, 3))
    return np.dstack([colour, np.rint(255 * strength).astype(np.uint8)])


def colour_concepts(amounts: Values, limit: float) -> Pixels:
    """All concepts at once: at each position the colour of the largest, as opaque as the root of
    its share of `limit`, so that faint ones can be seen.

    amounts : float32, shape (concepts, rows, cols), >= 0
    """
    strengths = np.stack([_strength(each, limit) for each in amounts])
    colours = np.stack([_colour(concept) for concept in range(len(amounts))])
    opacity = np.rint(255 * np.sqrt(strengths.max(axis=0))).astype(np.uint8)
    return np.dstack([colours[strengths.argmax(axis=0)], opacity])


def colour_hex(concept: int) -> str:
    """As CSS takes it."""
    return "#" + "".join(f"{channel:02x}" for channel in _colour(concept))


def _colour(concept: int) -> npt.NDArray[np.uint8]:
    return np.array(CONCEPT_COLOURS[concept % len(CONCEPT_COLOURS)], np.uint8)


def _strength(amounts: Values, limit: float) -> npt.NDArray[np.float64]:
    size = (amounts.shape[1] * PIXELS_PER_CELL, amounts.shape[0] * PIXELS_PER_CELL)
    enlarged = cv2.resize(amounts, size, interpolation=cv2.INTER_LINEAR)
    return np.clip(enlarged.astype(np.float64) / limit, 0, 1)
