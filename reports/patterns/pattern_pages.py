"""patterns.html and a page for each class: what the model goes by."""

from dataclasses import dataclass
from typing import Any

from reports.background.patterns import Pattern
from reports.class_summaries import ClassSummary
from reports.colour_scale import ColourScale
from reports.informative_objects.objects_table import SHOWN_OBJECTS, object_row
from reports.patterns.begun_patterns import BegunPatterns
from reports.patterns.ceilings import shared_ceiling
from reports.patterns.class_rows import CropView, PlannedCrop
from reports.patterns.crops import Cut, DrawnCrop
from reports.patterns.nearest_classes import NEAREST, NearClass, class_cosines, nearest_classes
from reports.patterns.split_mean_maps import split_means
from reports.patterns.stored_units import StoredUnits
from reports.patterns.unit_choice import ClassUnit
from reports.site import Site
from reports.tables import AuditTables


@dataclass(frozen=True)
class UnitRow:
    unit: ClassUnit
    crops: list[CropView]


class CropViews:
    """Turns planned crops into drawn ones."""

    def __init__(self, tables: AuditTables, drawn: dict[Cut, DrawnCrop]) -> None:
        images = tables.rows_of({image_id for image_id, _ in drawn})
        wrong = images[images["mistake"]]
        ids, predicted = wrong["image_id"].tolist(), wrong["predicted"].tolist()
        self._wrong = dict(zip(ids, predicted, strict=True))
        self._tables, self._drawn = tables, drawn

    def of(self, crops: list[PlannedCrop]) -> list[CropView]:
        return [self._view(crop) for crop in crops]

    def _view(self, crop: PlannedCrop) -> CropView:
        predicted = self._wrong.get(crop.cut[0])
        name = "" if predicted is None else self._tables.class_name(int(predicted))
        return CropView(self._drawn[crop.cut], crop.inner, crop.field, crop.activation, name)


def write_pattern_pages(
    site: Site,
    tables: AuditTables,
    scale: ColourScale,
    classes: dict[int, ClassSummary],
    begun: BegunPatterns,
    views: CropViews,
    clusters: dict[int, list[Pattern]],
) -> None:
    """Write patterns.html and begin patterns/<class_idx>.html; nothing without plans.

    scale : of all mean maps; clusters : of explanations, by class
    """
    stored, plans = tables.units, begun.classes
    if stored is None or not plans:
        return
    layer = stored.layers[0]
    shared = stored.of_layer(stored.shared, layer.name)
    near = nearest_classes(tables, shared, class_cosines(stored.features))
    means = split_means(tables, scale)
    rows = {
        class_idx: [UnitRow(unit, views.of(crops)) for unit, crops in plan.units]
        for class_idx, plan in plans.items()
    }
    site.begin(
        "pattern.html",
        (
            (
                f"patterns/{class_idx}.html",
                {
                    "summary": classes[class_idx],
                    "previous": previous,
                    "following": following,
                    "means": means.get(class_idx),
                    "regions": views.of(plans[class_idx].regions),
                    "units": rows[class_idx],
                    "near": near.get(class_idx, []),
                    "patterns": clusters.get(class_idx, []),
                    **_objects(tables, class_idx),
                },
            )
            for class_idx, (previous, following) in _neighbours(list(plans), classes).items()
        ),
        **_layer_facts(tables, stored),
        caps=begun.caps,
        class_names={class_idx: summary.name for class_idx, summary in classes.items()},
        pages=set(plans),
        nearest_shown=NEAREST,
        near_total=len(plans) - 1,
    )
    listed = [(classes[i], rows[i], near.get(i, [])) for i in plans]
    site.write("patterns.html", "patterns.html", rows=listed, layer=layer, nearest=closest)


def _layer_facts(tables: AuditTables, stored: StoredUnits) -> dict[str, Any]:
    """What every page says of the layer and its crops."""
    layer, view = stored.layers[0], tables.crop[1]
    return {
        "layer": layer,
        "shared_ceiling": shared_ceiling(stored.of_layer(stored.stats, layer.name)),
        "crop_side": round(layer.crop_side(view)),
        "view": view,
    }


def _objects(tables: AuditTables, class_idx: int) -> dict[str, Any]:
    rows = (tables.objects or {}).get(class_idx, [])
    return {
        "objects": [object_row(row) for row in rows[:SHOWN_OBJECTS]],
        "objects_more": max(0, len(rows) - SHOWN_OBJECTS),
        "objects_counted": tables.objects is not None,
    }


def _neighbours(
    order: list[int], classes: dict[int, ClassSummary]
) -> dict[int, tuple[ClassSummary | None, ClassSummary | None]]:
    """The classes before and after each."""
    padded = [None, *(classes[class_idx] for class_idx in order), None]
    ends = zip(padded[:-2], padded[2:], strict=True)
    return dict(zip(order, ends, strict=True))


def closest(near: list[NearClass]) -> NearClass | None:
    """The class of the largest cosine; None where none is known."""
    return next((row for row in near if row.rank == 1), None)
