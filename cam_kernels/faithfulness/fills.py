"""What stands in the place of a removed pixel.

Black is not among them: a dark patch is a cue of its own, and a model may know a class by it.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

BLUR_TAPS = 11
BLUR_SIGMA = 5.0

Fill = Callable[[Tensor], Tensor]


def blurred(images: Tensor) -> Tensor:
    """The image under a Gaussian of sigma 5 pixels, cut to 11 x 11 pixels: where insertion
    starts in RISE (arXiv:1806.07421).

    The border is repeated outwards, where the authors' code pads with zeros and so darkens it.

    images : Tensor, shape (N, C, h, w)

    Returns: Tensor of the same shape.
    """
    offsets = torch.arange(BLUR_TAPS, dtype=images.dtype, device=images.device) - BLUR_TAPS // 2
    weights = (-offsets.square() / (2 * BLUR_SIGMA**2)).exp()
    weights = (weights / weights.sum()).view(1, 1, -1)
    planes = images.flatten(0, 1)[:, None]
    border = BLUR_TAPS // 2
    padded = F.pad(planes, (border, border, border, border), mode="replicate")
    rows = F.conv2d(padded, weights[:, :, :, None])
    return F.conv2d(rows, weights[:, :, None, :]).view(images.shape)


def mean_colour(images: Tensor) -> Tensor:
    """The image's own mean of each channel, at every pixel.

    images : Tensor, shape (N, C, h, w)

    Returns: Tensor of the same shape.
    """
    return images.mean(dim=(2, 3), keepdim=True).expand_as(images)


FILLS: dict[str, Fill] = {"blur": blurred, "mean": mean_colour}
