"""One image, changed in every way that the second pass asks about."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.images.decoding import Pixels
from tasks.interventions.fills import (
    background_blurred,
    background_mean,
    colours_matched,
    object_inpainted,
    object_mean,
    on_background,
)

NO_DONOR = -1


@dataclass(frozen=True)
class Variant:
    """An image with one thing changed.

    intervention : one of INTERVENTIONS; draw, donor_id : as in `evidence`
    pixels : uint8, shape (S, S, 3), RGB
    """

    intervention: str
    draw: int
    donor_id: int
    pixels: Pixels


@dataclass(frozen=True)
class Donor:
    """A background to lend: the view of image `image_id` without its object."""

    image_id: int
    background: Pixels


def variants_of(
    pixels: Pixels,
    object_mask: npt.NDArray[np.bool_],
    mean_colour: npt.NDArray[np.float64],
    colour_spread: npt.NDArray[np.float64],
    donors_predicted: Sequence[Donor],
    donors_against: Sequence[Donor],
    donors_other: Sequence[Donor],
) -> list[Variant]:
    """All versions of one image.

    pixels : uint8, shape (S, S, 3), RGB, what the model sees
    object_mask : bool, shape (S, S), neither empty nor full
    mean_colour, colour_spread : shape (3,), RGB, 0 to 255: what the model takes for average
    """
    fills = {
        "colours_matched": colours_matched(pixels, mean_colour, colour_spread),
        "background_blurred": background_blurred(pixels, object_mask),
        "background_mean": background_mean(pixels, object_mask, mean_colour),
        "object_inpainted": object_inpainted(pixels, object_mask),
        "object_mean": object_mean(pixels, object_mask),
    }
    variants = [Variant(name, 0, NO_DONOR, changed) for name, changed in fills.items()]
    lent = {
        "donor_predicted": donors_predicted,
        "donor_against": donors_against,
        "donor_other": donors_other,
    }
    for name, donors in lent.items():
        variants += [
            Variant(
                name, draw, donor.image_id, on_background(pixels, object_mask, donor.background)
            )
            for draw, donor in enumerate(donors)
        ]
    return variants
