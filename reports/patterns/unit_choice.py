"""The units that a class goes by: the largest contributions to its score."""

from dataclasses import dataclass

import pandas as pd

UNITS_PER_CLASS = 8
OTHERS_SHOWN = 4
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
    others, other_classes : some of the classes of which it is among the first units, too, and how
        many these are
    """

    unit: int
    contribution: float
    mean: float
    mean_difference: float
    auroc: float
    auroc_error: float
    others: list[int]
    other_classes: int


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
    owners = {unit: rows.to_numpy() for unit, rows in kept.groupby("unit")["class_idx"]}
    found: dict[int, list[ClassUnit]] = {}
    for stored in kept.to_dict("records"):
        class_idx, unit = int(stored["class_idx"]), int(stored["unit"])
        numbers = {key: float(stored[key]) for key in _NUMBERS}
        others = owners[unit][owners[unit] != class_idx]
        shown = others[:OTHERS_SHOWN].tolist()
        row = ClassUnit(unit=unit, others=shown, other_classes=len(others), **numbers)
        found.setdefault(class_idx, []).append(row)
    return found
