"""What each of the two passes over the images brought."""

from dataclasses import dataclass

from tasks.dissection.concept_areas import ConceptAreas
from tasks.dissection.overlaps import Overlaps
from tasks.dissection.thresholds import Thresholds
from tasks.images.inputs import Failure


@dataclass(frozen=True)
class FirstLook:
    """thresholds : over every position of every image
    areas : of the named objects
    seen : image_ids that could be read
    grid : rows and columns of the target layer
    """

    thresholds: Thresholds
    areas: ConceptAreas
    seen: set[int]
    grid: tuple[int, int]
    failures: list[Failure]


@dataclass(frozen=True)
class SecondLook:
    """overlaps : of each image with its own objects
    shuffled : with those of another image
    strongest : image_ids that excite each unit most
    """

    overlaps: Overlaps
    shuffled: Overlaps
    strongest: list[list[int]]
    failures: list[Failure]
