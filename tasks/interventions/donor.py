"""Backgrounds taken from other images of the dataset."""

from tasks.interventions.fills import object_inpainted
from tasks.interventions.view import Mask, Pixels

MAX_OBJECT_AREA = 0.5


def donor_suitability(mask: Mask) -> float:
    """Share of the view that is real background; 0 where it should not be lent.

    Of an object that covers more than half, most of the background would be inpainted; where no
    object is in view, one that the mask has missed may be.

    mask : bool, shape (height, width), True on the object

    Returns: 0, or in [0.5, 1).
    """
    area = float(mask.mean())
    return 1 - area if 0 < area <= MAX_OBJECT_AREA else 0.0


def donor_background(pixels: Pixels, mask: Mask) -> Pixels:
    """The view with its object inpainted, for `on_background`. As `object_inpainted`."""
    return object_inpainted(pixels, mask)
