"""Intersections and unions of units' regions with named objects, summed over images."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tasks.dissection.concept_areas import ConceptAreas
from tasks.dissection.regions import may_be_active, unit_regions
from tasks.dissection.thresholds import Thresholds
from tasks.images.named_objects import NamedObject

_UNITS_AT_ONCE = 128

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Overlaps:
    """Of K units with C concepts, in pixels of the model's view.

    intersection, union : float64, shape (K, C), eq. 1 of arXiv:1704.05796: over all images
        whose objects are named, whether they hold the concept or not
    union_within : the same over the images that hold the concept
    expected : float64, shape (K, C), the mean of `intersection` over all assignments of the
        units' maps to these images
    images : that were counted
    """

    intersection: Floats
    union: Floats
    union_within: Floats
    expected: Floats
    images: int

    @property
    def iou(self) -> Floats:
        """In [0, 1]; 0 where both are empty."""
        return _ratio(self.intersection, self.union)

    @property
    def iou_within(self) -> Floats:
        """Over the images that hold the concept: what the unit does elsewhere costs nothing."""
        return _ratio(self.intersection, self.union_within)

    @property
    def chance(self) -> Floats:
        """The IoU of the expected intersection: areas do not change with the assignment."""
        return _ratio(self.expected, self.union + self.intersection - self.expected)


class OverlapSums:
    """Sums over images; everything is a whole number of pixels but `expected`.

    thresholds : of the K units
    areas : of the C concepts
    """

    def __init__(self, thresholds: Thresholds, areas: ConceptAreas, device: torch.device) -> None:
        units, concepts = len(thresholds.level), len(areas.names)
        self._place = {name: i for i, name in enumerate(areas.names)}
        self._level, self._least = thresholds.level.to(device), thresholds.least.to(device)
        # Eq. of the expectation: sum_i sum_x M_i(x) mean_j L_j(x).
        mean = areas.pixels.flatten(1).float() / max(areas.images, 1)
        self._mean = mean.T.contiguous().to(device)
        self._side = areas.side
        self._intersection = _zeros(units, concepts, device)
        self._expected = _zeros(units, concepts, device)
        self._region_within = _zeros(units, concepts, device)
        self._region = _zeros(units, 1, device)
        self._object = _zeros(1, concepts, device)
        self._images = 0

    def update(self, activations: Tensor, objects: list[NamedObject]) -> Tensor:
        """One image whose objects are named.

        activations : (K, H, W) float32, finite

        Returns: (K,) float64, pixels of each unit's region.
        """
        self._images += 1
        device = activations.device
        place = torch.tensor([self._place[each.name] for each in objects], device=device)
        inside = np.stack([each.inside for each in objects])
        mask = torch.from_numpy(inside).flatten(1).float().to(device)
        area = mask.sum(dim=1).double()
        self._object[0, place] += area
        sizes = torch.zeros_like(self._region)
        active = may_be_active(activations, self._level).nonzero()[:, 0]
        for units in active.split(_UNITS_AT_ONCE):
            regions = unit_regions(
                activations[units], self._level[units], self._least[units], self._side
            )
            region = regions.flatten(1).float()
            size = region.sum(dim=1, keepdim=True).double()
            at = (units[:, None], place[None, :])
            sizes[units] = size
            self._expected[units] += (region @ self._mean).double()
            self._intersection[at] += (region @ mask.T).double()
            self._region_within[at] += size * (area > 0)
        self._region += sizes
        return sizes[:, 0]

    def merge(self, other: "OverlapSums") -> None:
        """Take in what another of the same thresholds and concepts has seen."""
        for name in ("_intersection", "_expected", "_region_within", "_region", "_object"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self._images += other._images

    def compute(self) -> Overlaps:
        """The sums, and the unions that follow from them."""
        return Overlaps(
            intersection=self._intersection.cpu().numpy(),
            union=(self._region + self._object - self._intersection).cpu().numpy(),
            union_within=(self._region_within + self._object - self._intersection).cpu().numpy(),
            expected=self._expected.cpu().numpy(),
            images=self._images,
        )


def _zeros(rows: int, cols: int, device: torch.device) -> Tensor:
    return torch.zeros(rows, cols, dtype=torch.float64, device=device)


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
