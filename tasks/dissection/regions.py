"""Where a unit is strongly active, at the resolution of the objects' masks."""

import torch
import torch.nn.functional as F
from torch import Tensor

# The rounding of the enlargement: a plateau at the level itself must not fall to pieces.
_ROUNDING = 1e-6


def unit_regions(activations: Tensor, level: Tensor, least: Tensor, side: int) -> Tensor:
    """M_k(x) = [S_k(x) >= T_k], section 2.3 of arXiv:1704.05796, where S_k is the map enlarged
    bilinearly with the values at the centres of equal cells.

    A unit whose level is its least value (it is seldom active: a ReLU at zero nearly everywhere)
    would so be active everywhere; its region is where S_k is above that.

    activations : (A, H, W) float32
    level, least : (A,) float32
    side : of the square view in pixels

    Returns: (A, side, side) bool.
    """
    if not len(activations):  # torch enlarges no map of no unit
        return torch.zeros((0, side, side), dtype=torch.bool, device=activations.device)
    enlarged = F.interpolate(activations[None], size=(side, side), mode="bilinear")[0]
    margin = _ROUNDING * level.abs()
    strict = (level <= least)[:, None, None]
    above = enlarged > (level + margin)[:, None, None]
    return torch.where(strict, above, enlarged >= (level - margin)[:, None, None])


def may_be_active(activations: Tensor, level: Tensor) -> Tensor:
    """Which units can have a region at all: an enlarged map never exceeds its largest cell.

    activations : (K, H, W) float32
    level : (K,) float32

    Returns: (K,) bool.
    """
    return activations.amax(dim=(1, 2)) >= level - _ROUNDING * level.abs()
