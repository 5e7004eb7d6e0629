"""What `camaudit dissect` found: arrays and facts, no tensors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.images.decoding import Pixels


@dataclass(frozen=True)
class UnitFound:
    """A row of DISSECTION_UNITS.

    state : ok, sparse, saturated or dead
    concept : of the highest IoU; '' where no region meets a named object
    label : the concept where the IoU is high enough, else ''
    """

    unit: int
    state: str
    threshold: float
    concept: str
    iou: float
    iou_within: float
    chance: float
    label: str


@dataclass(frozen=True)
class ConceptFound:
    """A row of DISSECTION_CONCEPTS."""

    name: str
    images: int
    mask_images: int
    box_images: int
    area: float
    reachable: float
    units: int
    best_unit: int
    best_iou: float


@dataclass(frozen=True)
class UnitPicture:
    """One of the images that excite a unit most.

    activation : the unit's largest
    view : uint8, shape (crop, crop, 3), what the model saw
    region : bool, shape (crop, crop), where the unit is above its threshold
    object : bool, shape (crop, crop), the unit's best concept; None where the image does not
        hold it
    """

    unit: int
    image_id: int
    uri: str
    activation: float
    view: Pixels
    region: npt.NDArray[np.bool_]
    object: npt.NDArray[np.bool_] | None


@dataclass(frozen=True)
class Dissection:
    """facts : content of dissection.json
    model : content of audit.json
    units : in the order of their numbers
    concepts : in the order of their names
    pictures : by unit, the best unit first; of each the strongest image first
    tables : by file name
    """

    facts: dict[str, Any]
    model: dict[str, Any]
    units: list[UnitFound]
    concepts: list[ConceptFound]
    pictures: dict[int, list[UnitPicture]]
    tables: dict[str, pa.Table]
