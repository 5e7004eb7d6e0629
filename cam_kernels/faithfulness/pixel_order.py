"""From a coarse map to an order of the image's pixels."""

import torch
import torch.nn.functional as F
from torch import Tensor


def enlarge(maps: Tensor, height: int, width: int) -> Tensor:
    """Bilinear enlargement to the size of the image (align_corners=False).

    Computed in float64 and rounded to float32, so that what is tied on the grid (an empty
    part, a constant map) is still tied to the last bit.

    maps : Tensor, shape (N, H, W)

    Returns: Tensor, shape (N, height, width), float32.
    """
    size = (height, width)
    large = F.interpolate(maps.double()[:, None], size, mode="bilinear", align_corners=False)
    return large[:, 0].float()


def pixel_ranks(maps: Tensor, height: int, width: int) -> Tensor:
    """The place of each pixel when the largest value of the enlarged map comes first.

    Ties go in reading order: row by row from the top, left to right. A constant map is one
    tie, so it gives reading order.

    maps : Tensor, shape (N, H, W), finite

    Returns: Tensor, shape (N, height, width), int64, a permutation of 0 .. height * width - 1
    for each map.
    """
    values = enlarge(maps, height, width).flatten(1)
    order = values.sort(dim=1, descending=True, stable=True).indices
    places = torch.arange(order.shape[1], device=order.device).expand_as(order)
    return torch.empty_like(order).scatter(1, order, places).view(-1, height, width)


def ranks_of_rows(maps: Tensor, of: Tensor, height: int, width: int) -> Tensor:
    """`pixel_ranks` of maps[of], sorted once for each run of equal numbers in `of`."""
    present, row = of.unique_consecutive(return_inverse=True)
    return pixel_ranks(maps[present], height, width)[row]
