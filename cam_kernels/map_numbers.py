"""Numbers read from raw heatmaps, with and without an object mask."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class MapNumbers:
    """One value per map, shape (N,) each; NaN where it has no meaning. Of a signed map only
    the positive part counts.

    state : int64, 0 ok, 1 empty (no positive value), 2 not finite
    object_energy : share of the map on the object, in [0, 1] (energy-based pointing game,
        arXiv:1910.01279)
    lift : object_energy over the object's share of the area; 1 for a uniform map
    pointing_hit : 1 where the map's maximum lies on the object, else 0 (pointing game,
        arXiv:1608.00507, tolerance 0; the maximum of a bilinearly enlarged map is the centre
        of its largest cell)
    border_share : share of the map in the outermost ring of cells, in [0, 1]
    centroid_row, centroid_col : centre of mass, 0 at the top or left edge and 1 at the other
    spread : root mean square distance from the centroid, in image sides
    entropy : Shannon entropy over that of a uniform map, in [0, 1]
    """

    state: Tensor
    object_energy: Tensor
    lift: Tensor
    pointing_hit: Tensor
    border_share: Tensor
    centroid_row: Tensor
    centroid_col: Tensor
    spread: Tensor
    entropy: Tensor


STATES = ("ok", "empty", "not_finite")


def map_numbers(maps: Tensor, coverage: Tensor, centre_on_object: Tensor) -> MapNumbers:
    """Describe raw maps.

    maps : Tensor, shape (N, H, W)
    coverage : Tensor, shape (N, H, W), the object's share of each cell in [0, 1]; NaN for an
        image without a mask
    centre_on_object : Tensor, shape (N, H, W), bool: the cell's centre lies on the object
    """
    maps = maps.double()
    finite = maps.isfinite().all(dim=2).all(dim=1)
    positive = torch.where(finite[:, None, None], maps, 0.0).relu()
    # Divided by the largest value first: the sum of huge values must not overflow.
    positive = positive / positive.amax(dim=(1, 2), keepdim=True).clamp_min(1e-300)
    total = positive.sum(dim=(1, 2))
    share = positive / torch.where(total > 0, total, math.nan)[:, None, None]

    object_energy = (share * coverage).sum(dim=(1, 2))
    area = coverage.double().mean(dim=(1, 2))
    masked = area > 0
    hit = centre_on_object.flatten(1).gather(1, positive.flatten(1).argmax(dim=1, keepdim=True))
    centroid_row, centroid_col, spread = _moments(share)
    plogp = torch.where(share > 0, share * share.clamp_min(1e-300).log(), 0.0)
    entropy = torch.where(
        total > 0, -plogp.sum(dim=(1, 2)) / math.log(share.shape[1:].numel()), math.nan
    )
    return MapNumbers(
        state=torch.where(finite, torch.where(total > 0, 0, 1), 2),
        object_energy=torch.where(masked, object_energy, math.nan),
        lift=torch.where(masked, object_energy / area, math.nan),
        pointing_hit=torch.where(masked & (total > 0), hit[:, 0].double(), math.nan),
        border_share=share.sum(dim=(1, 2)) - share[:, 1:-1, 1:-1].sum(dim=(1, 2)),
        centroid_row=centroid_row,
        centroid_col=centroid_col,
        spread=spread,
        entropy=entropy,
    )


def _moments(share: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    rows, cols = share.shape[1:]
    row = (torch.arange(rows, device=share.device, dtype=share.dtype) + 0.5) / rows
    col = (torch.arange(cols, device=share.device, dtype=share.dtype) + 0.5) / cols
    centroid_row = (share * row[None, :, None]).sum(dim=(1, 2))
    centroid_col = (share * col[None, None, :]).sum(dim=(1, 2))
    squared = (row[None, :, None] - centroid_row[:, None, None]).square() + (
        col[None, None, :] - centroid_col[:, None, None]
    ).square()
    return centroid_row, centroid_col, (share * squared).sum(dim=(1, 2)).sqrt()
