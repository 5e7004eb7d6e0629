"""Which objects the maps of one class cover, and how often others' maps would."""

from dataclasses import dataclass, field

import numpy as np

from tasks.images.named_objects import NamedObject
from tasks.informative_objects.map_regions import (
    Ranks,
    Region,
    chance_to_cover,
    covered,
    high_region,
)

LEAST_LENDERS = 4  # with fewer maps of other images, chance is not known


@dataclass
class ObjectCounts:
    """Of one object in one class.

    chances : of each image that holds it, the share of lent regions that cover it
    """

    with_object: int = 0
    overlapped: int = 0
    masks: int = 0
    chances: list[float] = field(default_factory=list)

    @property
    def chance(self) -> float:
        """The mean over images; NaN where not every one could be lent maps."""
        known = len(self.chances) == self.with_object > 0
        return float(np.mean(self.chances)) if known else float("nan")


class OverlapCounts:
    """Of one class, image by image.

    share, least : `share` and `covered` of the options
    lent : ranks of the maps that may be lent, by image_id
    lenders : at most so many for each image, never its own
    """

    def __init__(self, share: float, least: float, lent: dict[int, Ranks], lenders: int) -> None:
        self._share, self._least = share, least
        self._ids = list(lent)
        self._lent = np.stack(list(lent.values()))
        self._lenders = lenders
        self.images = 0
        self.objects: dict[str, ObjectCounts] = {}

    def update(self, image_id: int, view: np.ndarray, objects: list[NamedObject]) -> None:
        """One image with named objects.

        view : float32, shape (side, side), its map enlarged
        """
        self.images += 1
        region = high_region(view, self._share)
        others = [place for place, own in enumerate(self._ids) if own != image_id]
        lent = self._lent[others[: self._lenders]]
        for each in objects:
            if each.inside.any():
                self._add(each, region, lent)

    def _add(self, each: NamedObject, region: Region, lent: Ranks) -> None:
        counts = self.objects.setdefault(each.name, ObjectCounts())
        counts.with_object += 1
        counts.overlapped += covered(region, each.inside) >= self._least
        counts.masks += each.source == "mask"
        if len(lent) >= LEAST_LENDERS:
            area = int(region.sum())
            counts.chances.append(chance_to_cover(lent, area, each.inside, self._least))
