"""The images that excite each unit most and in which it has a region."""

import torch
from torch import Tensor


class StrongestRegions:
    """Keeps `count` images of each of K units: by the largest activation, of equal ones (a unit at
    its ceiling) by the larger region, then by the lower image_id."""

    def __init__(self, units: int, count: int) -> None:
        self._count = count
        self._peak = torch.full((units, 0), -torch.inf)
        self._size = torch.empty(units, 0, dtype=torch.float64)
        self._image = torch.empty(units, 0, dtype=torch.int64)

    def update(self, image_id: int, peak: Tensor, size: Tensor) -> None:
        """One image.

        peak : (K,) float32, the largest activation
        size : (K,) float64, pixels of the region; a unit without one is not excited
        """
        found = StrongestRegions(len(peak), self._count)
        seen = torch.where(size > 0, peak, -torch.inf)
        found._peak, found._size = seen[:, None].cpu(), size[:, None].cpu()
        found._image = torch.full((len(peak), 1), image_id)
        self.merge(found)

    def merge(self, other: "StrongestRegions") -> None:
        """Take in what another of the same units and count has seen."""
        peak = torch.cat([self._peak, other._peak], dim=1)
        size = torch.cat([self._size, other._size], dim=1)
        image = torch.cat([self._image, other._image], dim=1)
        # The least key is sorted first: the sorts are stable.
        order = image.argsort(dim=1, stable=True)
        for key in (size, peak):
            ranked = key.gather(1, order).argsort(dim=1, descending=True, stable=True)
            order = order.gather(1, ranked)
        order = order[:, : self._count]
        self._peak, self._size, self._image = (x.gather(1, order) for x in (peak, size, image))

    def compute(self) -> list[list[int]]:
        """image_ids of each unit, the strongest first; fewer where fewer have a region."""
        rows = zip(self._peak.tolist(), self._image.tolist(), strict=True)
        return [
            [i for p, i in zip(peaks, images, strict=True) if p > -float("inf")]
            for peaks, images in rows
        ]
