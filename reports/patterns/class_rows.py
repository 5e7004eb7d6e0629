"""What the page of a class shows as crops: its regions, and its units with theirs."""

from dataclasses import dataclass

from reports.colours import Map
from reports.patterns.crops import Cut, DrawnCrop
from reports.patterns.placements import Placements
from reports.patterns.regions import choose_regions, region_boxes, square_in_view
from reports.patterns.stored_units import UnitImage, UnitKey, fetch_unit_images
from reports.patterns.unit_choice import Caps, ClassUnit, choose_caps, units_by_class
from reports.patterns.unit_layers import Box, UnitLayer, crop_around
from reports.stored_maps import MapKey
from reports.tables import AuditTables
from tasks.images.geometry import Placement

Frame = tuple[float, float, float, float]  # left, top, width, height in shares of a crop


@dataclass(frozen=True)
class PlannedCrop:
    """cut : what to draw
    inner : box to draw around a part of it; None where it is none, or all of the crop
    activation : of the unit; for a region the largest value of the map
    """

    cut: Cut
    inner: Frame | None
    field: Box | None
    activation: float


@dataclass(frozen=True)
class ClassPlan:
    """units : each with its crops, the strongest first; without any beyond the cap"""

    regions: list[PlannedCrop]
    units: list[tuple[ClassUnit, list[PlannedCrop]]]


@dataclass(frozen=True)
class CropView:
    """A planned crop as it was drawn.

    predicted_name : '' where the image is right, or has no label
    """

    drawn: DrawnCrop
    inner: Frame | None
    field: Box | None
    activation: float
    predicted_name: str


def regions_of_classes(tables: AuditTables) -> dict[int, list[int]]:
    """Image ids whose regions the pages show, by class; none where there are no such pages."""
    if tables.units is None or not tables.labelled:
        return {}
    most = choose_caps(len(_classes(tables))).regions
    return choose_regions(tables.images, tables.units.first_id, most)


def plan_classes(
    tables: AuditTables, chosen: dict[int, list[int]], maps: dict[MapKey, Map]
) -> tuple[Caps, dict[int, ClassPlan]]:
    """What each class with labelled images shows; nothing for an audit without labels or units.

    chosen : of `regions_of_classes`; maps : the labels' maps of these images
    """
    stored, classes = tables.units, _classes(tables)
    caps = choose_caps(len(classes))
    if stored is None or not tables.labelled:
        return caps, {}
    layer, places = stored.layers[0], Placements(tables)
    units = units_by_class(stored.classes, layer.name)
    wanted = {(c, row.unit) for c, rows in units.items() for row in rows[: caps.units]}
    images = fetch_unit_images(tables.run, "units", layer.name, wanted, caps.crops)
    regions = _regions(tables, chosen, region_boxes(maps, chosen, places), places)
    plans = {}
    for class_idx in classes:
        rows = [
            (row, _crops_of(images, (class_idx, row.unit), layer, places))
            for row in units.get(class_idx, [])
        ]
        plans[class_idx] = ClassPlan(regions.get(class_idx, []), rows)
    return caps, plans


def planned_cuts(plans: dict[int, ClassPlan]) -> set[Cut]:
    """All that is to be drawn."""
    return {
        crop.cut
        for plan in plans.values()
        for crops in (plan.regions, *(crops for _, crops in plan.units))
        for crop in crops
    }


def plan_unit_crop(image: UnitImage, layer: UnitLayer, placement: Placement) -> PlannedCrop:
    """The crop around a unit's peak, with its receptive field where it is smaller than the crop."""
    box = crop_around(layer, image.row, image.col, placement)
    inner = _inside(image.field, box)
    return PlannedCrop((image.image_id, box), inner, image.field, image.activation)


def _crops_of(
    images: dict[UnitKey, list[UnitImage]], key: UnitKey, layer: UnitLayer, places: Placements
) -> list[PlannedCrop]:
    return [plan_unit_crop(im, layer, places.of(im.image_id)) for im in images.get(key, [])]


def _classes(tables: AuditTables) -> list[int]:
    labelled = tables.class_stats[tables.class_stats["images"] > 0]
    return sorted(int(i) for i in labelled["class_idx"])


def _regions(
    tables: AuditTables,
    chosen: dict[int, list[int]],
    boxes: dict[int, Box],
    places: Placements,
) -> dict[int, list[PlannedCrop]]:
    rows = tables.rows_of(boxes)
    strongest = dict(zip(rows["image_id"].tolist(), rows["label_scale"].tolist(), strict=True))
    planned: dict[int, list[PlannedCrop]] = {}
    for class_idx, ids in chosen.items():
        for image_id in ids:
            if image_id in boxes:
                square = square_in_view(boxes[image_id], places.of(image_id))
                crop = PlannedCrop(
                    (image_id, square), _inside(boxes[image_id], square), None, strongest[image_id]
                )
                planned.setdefault(class_idx, []).append(crop)
    return planned


def _inside(box: Box, square: Box) -> Frame | None:
    """The part of `box` in the square; None where that is none or all of it."""
    height, width = square[2] - square[0], square[3] - square[1]
    top, left = max(box[0], square[0]), max(box[1], square[1])
    bottom, right = min(box[2], square[2]), min(box[3], square[3])
    if bottom <= top or right <= left or (top, left, bottom, right) == square:
        return None
    return (
        round((left - square[1]) / width, 4),
        round((top - square[0]) / height, 4),
        round((right - left) / width, 4),
        round((bottom - top) / height, 4),
    )
