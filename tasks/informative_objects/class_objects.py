"""What `camaudit objects` found: numbers, no tensors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.images.geometry import Placement


@dataclass(frozen=True)
class ObjectOfClass:
    """A row of INFORMATIVE_OBJECTS without the rates that follow from its counts.

    with_object : images of the class in whose view the object lies
    overlapped : of these, where the region covers enough of it
    chance : mean share of regions of the same size that would; NaN with too few maps to lend
    elsewhere, elsewhere_images : the same counts in the other classes
    """

    name: str
    images: int
    with_object: int
    overlapped: int
    chance: float
    mask_images: int
    box_images: int
    elsewhere: int
    elsewhere_images: int


@dataclass(frozen=True)
class ClassObjects:
    """images : rightly predicted, with a map and with named objects
    objects : the most informative first
    """

    class_idx: int
    name: str
    images: int
    objects: list[ObjectOfClass]


@dataclass(frozen=True)
class SceneObject:
    """inside : bool, shape (crop, crop), somewhere True
    share : of its pixels that the region covers
    """

    name: str
    inside: npt.NDArray[np.bool_]
    share: float


@dataclass(frozen=True)
class ScenePicture:
    """region : bool, shape (crop, crop), where the map is high"""

    image_id: int
    uri: str
    placement: Placement
    region: npt.NDArray[np.bool_]
    objects: list[SceneObject]


@dataclass(frozen=True)
class InformativeObjects:
    """facts : content of objects.json
    model : content of audit.json
    classes : in the order of class_idx; only those with images
    pictures : by class_idx, of the classes that are shown
    table : of schema INFORMATIVE_OBJECTS
    """

    facts: dict[str, Any]
    model: dict[str, Any]
    classes: list[ClassObjects]
    pictures: dict[int, list[ScenePicture]]
    table: pa.Table
