"""How often, from what and where in the view each named object lies."""

from collections import Counter

import torch
from torch import Tensor

from tasks.images.named_objects import NamedObject


class ConceptAreas:
    """Counts over images whose objects are named.

    side : of the square view in pixels

    Attributes: `names` (sorted), `images` (with any named object), `held` (images by name in whose
    view the object lies), `masks` and `boxes` (the same by where its pixels came from).
    """

    def __init__(self, side: int) -> None:
        self.side = side
        self.images = 0
        self.held: Counter[str] = Counter()
        self.masks: Counter[str] = Counter()
        self.boxes: Counter[str] = Counter()
        self._pixels: dict[str, Tensor] = {}

    @property
    def names(self) -> list[str]:
        return sorted(self._pixels)

    @property
    def pixels(self) -> Tensor:
        """(C, side, side) int32: in how many images each pixel lies on the object."""
        none = torch.empty(0, self.side, self.side, dtype=torch.int32)
        return torch.stack([self._pixels[name] for name in self.names]) if self._pixels else none

    def update(self, objects: list[NamedObject]) -> None:
        """One image; without objects it does not count."""
        self.images += bool(objects)
        for each in objects:
            inside = torch.from_numpy(each.inside)
            if each.inside.any():
                self.held[each.name] += 1
                (self.masks if each.source == "mask" else self.boxes)[each.name] += 1
            self._add(each.name, inside.to(torch.int32))

    def merge(self, other: "ConceptAreas") -> None:
        """Take in what another of the same side has seen."""
        self.images += other.images
        self.held += other.held
        self.masks += other.masks
        self.boxes += other.boxes
        for name, pixels in other._pixels.items():
            self._add(name, pixels)

    def share(self, name: str) -> float:
        """Of all pixels of these images that lie on the object."""
        return float(self._pixels[name].sum()) / (max(self.images, 1) * self.side**2)

    def _add(self, name: str, pixels: Tensor) -> None:
        before = self._pixels.get(name)
        self._pixels[name] = pixels if before is None else before + pixels
