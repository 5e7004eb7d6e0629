"""The units that a class goes by: the largest contributions to its score."""

from dataclasses import dataclass

import pandas as pd

UNITS_PER_CLASS = 8
CROPS_PER_UNIT = 6
REGIONS_PER_CLASS = 8
CROPS_OF_CLASSES = 10_000  # a budget: with many classes each one shows fewer
FEWEST = 3  # regions, crops of a unit, and units with crops
_NUMBERS = ("contribution", "mean", "mean_difference", "auroc", "auroc_error")


@dataclass(frozen=True)
class Caps:
    """How much the page of each class shows.

    regions : crops by the map
    units : with crops; others are listed without
    crops : of each unit
    """

    regions: int
    units: int
    crops: int


@dataclass(frozen=True)
class ClassUnit:
    """A row of `unit_classes`.

    contribution : to the score of the class, mean over its images
    mean, mean_difference : of the unit's peak; the second NaN where there is one class only
    auroc, auroc_error : NaN likewise
    others : classes of which it is among the first units, too
    """

    unit: int
    contribution: float
    mean: float
    mean_difference: float
    auroc: float
    auroc_error: float
    others: list[int]


def choose_caps(classes: int) -> Caps:
    """For a report on so many classes."""
    each = CROPS_OF_CLASSES // max(1, classes)
    crops = min(CROPS_PER_UNIT, max(FEWEST, each // 7))
    regions = min(REGIONS_PER_CLASS, max(FEWEST, each // 7))
    units = min(UNITS_PER_CLASS, max(FEWEST, (each - regions) // crops))
    return Caps(regions, units, crops)


def units_by_class(classes: pd.DataFrame, layer: str) -> dict[int, list[ClassUnit]]:
    """The units of `layer` with the largest contributions above zero, by class; of equals the
    lower unit first.

    classes : `unit_classes`
    """
    here = classes[(classes["target_layer"] == layer) & (classes["contribution"] > 0)]
    ordered = here.sort_values(
        ["class_idx", "contribution", "unit"], ascending=[True, False, True], kind="stable"
    )
    kept = ordered.groupby("class_idx").head(UNITS_PER_CLASS)
    owners = kept.groupby("unit")["class_idx"].apply(list).to_dict()
    found: dict[int, list[ClassUnit]] = {}
    for row in kept.to_dict("records"):
        class_idx, unit = int(row["class_idx"]), int(row["unit"])
        numbers = {key: float(row[key]) for key in _NUMBERS}
        others = [int(other) for other in owners[unit] if other != class_idx]
        found.setdefault(class_idx, []).append(ClassUnit(unit=unit, others=others, **numbers))
    return found
