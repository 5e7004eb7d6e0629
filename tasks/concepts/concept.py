"""What `camaudit concept` found: arrays and facts, no tensors."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.concepts.linear_svm import MinedConcept
from tasks.images.decoding import Pixels
from tasks.images.geometry import Placement
from tasks.statistics.bootstrap import Estimate

Group = Literal["top", "false_positive", "miss"]


@dataclass(frozen=True)
class ConceptMap:
    """Where the decision value of one image comes from.

    values : float32, shape (rows, cols): sum_k w_k A_k / (rows * cols); the sum over the grid and
        the bias make the decision value
    view : uint8, shape (crop, crop, 3), what the model saw
    score : decision value from the stored features
    object_area, object_energy : the object's share of the view and of the map's positive part;
        NaN without an object, or without a positive part
    """

    image_id: int
    uri: str
    score: float
    positive: bool
    label: str
    predicted: str
    values: npt.NDArray[np.float32]
    view: Pixels
    placement: Placement
    mask_uri: str | None
    boxes: list[list[float]]
    object_area: float
    object_energy: float


@dataclass(frozen=True)
class ObjectShares:
    """Over a random sample of held-out positives with an object.

    energy, area : means of the two shares in [0, 1]; difference : their paired difference
    """

    energy: Estimate
    area: Estimate
    difference: Estimate


@dataclass(frozen=True)
class Concept:
    """facts : content of concept.json
    model : content of audit.json
    precision : average precision on the held-out images
    base_rate : share of positives among them
    groups : image_ids of the pictures shown, the most telling first
    maps : of these and of the sample, by image_id
    objects : None where no held-out positive has an object
    tables : by file name
    """

    title: str
    facts: dict[str, Any]
    model: dict[str, Any]
    mined: MinedConcept
    precision: Estimate
    base_rate: float
    groups: dict[Group, list[int]]
    maps: dict[int, ConceptMap]
    objects: ObjectShares | None
    tables: dict[str, pa.Table]
