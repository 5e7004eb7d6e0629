"""Which units of each layer are shown with crops, and which crops."""

from dataclasses import dataclass

import pandas as pd

from reports.patterns.class_rows import ClassPlan, PlannedCrop, plan_unit_crop
from reports.patterns.crops import Cut
from reports.patterns.placements import Placements
from reports.patterns.stored_units import (
    ALL_IMAGES,
    UnitImage,
    UnitKey,
    fetch_unit_images,
)
from reports.patterns.unit_layers import UnitLayer, view_box
from reports.tables import AuditTables

UNITS_PICTURED = 256  # of all layers together
TOP_IMAGES = 6
LEAST_IMAGES = 3


@dataclass(frozen=True)
class UnitPlan:
    """top : crops around the peak; least : what the model saw of the images that excite it least"""

    top: list[PlannedCrop]
    least: list[PlannedCrop]


@dataclass(frozen=True)
class LayerPlan:
    """pictured : by unit"""

    layer: UnitLayer
    pictured: dict[int, UnitPlan]


def plan_layers(tables: AuditTables, classes: dict[int, ClassPlan]) -> list[LayerPlan]:
    """A plan for each mined layer, the target layer first; none for an audit without units."""
    stored = tables.units
    if stored is None:
        return []
    places = Placements(tables)
    most = UNITS_PICTURED // len(stored.layers)
    plans = []
    for number, layer in enumerate(stored.layers):
        first = _on_class_pages(classes) if number == 0 else []
        units = choose_units(stored.of_layer(stored.stats, layer.name), first, most)
        plans.append(LayerPlan(layer, _pictures(tables, layer, units, places)))
    return plans


def layer_cuts(plans: list[LayerPlan]) -> set[Cut]:
    """All that is to be drawn."""
    return {
        crop.cut
        for plan in plans
        for unit in plan.pictured.values()
        for crop in (*unit.top, *unit.least)
    }


def choose_units(stats: pd.DataFrame, first: list[int], most: int) -> list[int]:
    """Up to `most` units: those of `first` in their order, then the most selective, then those
    of the largest peak; of equals the lower unit. Dead units are left out.

    stats : rows of `unit_stats` of one layer
    """
    alive = stats[~stats["dead"].eq(True)]
    ordered = alive.sort_values(
        ["selectivity", "peak_largest", "unit"], ascending=[False, False, True], na_position="last"
    )
    rest = [int(unit) for unit in ordered["unit"]]
    there = set(rest)
    return list(dict.fromkeys([*(unit for unit in first if unit in there), *rest]))[:most]


def _on_class_pages(classes: dict[int, ClassPlan]) -> list[int]:
    """Units of the class pages: the first unit of every class, then the second, ..."""
    ranked = [
        (rank, class_idx, row.unit)
        for class_idx, plan in classes.items()
        for rank, (row, _) in enumerate(plan.units)
    ]
    return list(dict.fromkeys(unit for _, _, unit in sorted(ranked)))


def _pictures(
    tables: AuditTables, layer: UnitLayer, units: list[int], places: Placements
) -> dict[int, UnitPlan]:
    wanted: set[UnitKey] = {(ALL_IMAGES, unit) for unit in units}
    top = fetch_unit_images(tables.run, "units", layer.name, wanted, TOP_IMAGES)
    least = fetch_unit_images(tables.run, "units_least", layer.name, wanted, LEAST_IMAGES)
    plans = {}
    for unit in units:
        key = ALL_IMAGES, unit
        crops = [plan_unit_crop(im, layer, places.of(im.image_id)) for im in top.get(key, [])]
        views = [_whole_view(im, places) for im in least.get(key, [])]
        plans[unit] = UnitPlan(crops, views)
    return plans


def _whole_view(image: UnitImage, places: Placements) -> PlannedCrop:
    """Where a unit is weakest it has no part to show."""
    box = view_box(places.of(image.image_id))
    return PlannedCrop((image.image_id, box), None, image.field, image.activation)
