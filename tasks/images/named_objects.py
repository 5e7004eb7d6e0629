"""The named objects of an image, each by itself, in the model's view."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tasks.images.coco_masks import is_coco_mask
from tasks.images.decoding import ImageSource
from tasks.images.geometry import Placement
from tasks.images.masks import fit_mask, read_named_masks
from tasks.images.preprocessing import object_in_crop

Source = Literal["mask", "box"]


@dataclass(frozen=True)
class NamedObject:
    """All objects of one name in one image.

    source : what its pixels were taken from
    inside : bool, shape (crop, crop); nowhere True where it lies outside of the model's view
    """

    name: str
    source: Source
    inside: npt.NDArray[np.bool_]


def has_names(row: dict[str, Any], classes: Sequence[str]) -> bool:
    """Whether the manifest names an object of the image; a COCO json counts as naming its masks.

    row : of schema MANIFEST
    classes : name of each class
    """
    masked = row["mask_uri"] is not None
    named = masked and (is_coco_mask(row["mask_uri"]) or mask_name(row, classes) is not None)
    return bool(named or any(row["box_names"] or []))


def mask_name(row: dict[str, Any], classes: Sequence[str]) -> str | None:
    """The name that the manifest gives to a mask, else that of the label's class."""
    label = row["label"]
    given: str | None = row["mask_name"]
    return given or (classes[label] if 0 <= label < len(classes) else None)


def named_objects(
    row: dict[str, Any], placement: Placement, classes: Sequence[str], source: ImageSource
) -> list[NamedObject]:
    """The objects of an image by name, in the order of the names: masks, and the union of the
    boxes of each name that no mask has.

    row, classes : as in `has_names`

    Raises: UnreadableImage for a mask that cannot be read.
    """
    found: dict[str, NamedObject] = {}
    for name, boxes in _boxes_by_name(row).items():
        found[name] = NamedObject(name, "box", _in_view(None, boxes, placement))
    if row["mask_uri"] is not None:
        masks = read_named_masks(source, row["mask_uri"], mask_name(row, classes))
        for name, mask in masks.items():
            inside = _in_view(fit_mask(mask, placement), [], placement)
            found[name] = NamedObject(name, "mask", inside)
    return [found[name] for name in sorted(found)]


def _boxes_by_name(row: dict[str, Any]) -> dict[str, list[list[float]]]:
    by_name: dict[str, list[list[float]]] = {}
    if row["box_names"]:
        for name, box in zip(row["box_names"], row["boxes"], strict=True):
            if name:
                by_name.setdefault(name, []).append(box)
    return by_name


def _in_view(
    mask: npt.NDArray[np.bool_] | None, boxes: list[list[float]], placement: Placement
) -> npt.NDArray[np.bool_]:
    inside = object_in_crop(mask, boxes, placement)
    assert inside is not None  # there is a mask or a box
    return inside
