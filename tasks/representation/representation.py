"""What `camaudit features` found: numbers and tables, no tensors."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tasks.statistics.mcnemar import PairedAccuracy


@dataclass(frozen=True)
class Accuracy:
    """view : one of VIEWS; classifier : one of CLASSIFIERS
    low, high : 95 % Wilson interval
    """

    view: str
    classifier: str
    correct: int
    images: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """One view and classifier against a reference on the same images."""

    view: str
    classifier: str
    reference_view: str
    reference_classifier: str
    paired: PairedAccuracy


@dataclass(frozen=True)
class ChangedAnswer:
    """An image that the SVM has right on one of two views alone.

    boxes : by view, [left, top, right, bottom] in pixels of the image; what is missing was not
        found
    """

    image_id: int
    uri: str
    label: str
    full: str
    cropped: str
    boxes: dict[str, list[float]]


@dataclass(frozen=True)
class Representation:
    """facts : content of representation.json
    gained, lost : images that the SVM has right on the map's crop alone, on the whole image alone
    tables : by file name
    """

    facts: dict[str, Any]
    model: dict[str, Any]
    accuracies: list[Accuracy]
    comparisons: list[Comparison]
    gained: list[ChangedAnswer]
    lost: list[ChangedAnswer]
    tables: dict[str, pa.Table]
