"""patterns.html and a page for each class: what the model goes by."""

from dataclasses import dataclass

from reports.background.patterns import Pattern
from reports.class_summaries import ClassSummary
from reports.colour_scale import ColourScale
from reports.patterns.ceilings import ceiling_of, layer_before_ceiling
from reports.patterns.class_rows import ClassPlan, CropView, PlannedCrop
from reports.patterns.crops import Cut, DrawnCrop
from reports.patterns.nearest_classes import NEAREST, NearClass, nearest_classes
from reports.patterns.split_mean_maps import draw_split_means
from reports.patterns.unit_choice import Caps, ClassUnit
from reports.site import Site
from reports.tables import AuditTables


@dataclass(frozen=True)
class UnitRow:
    unit: ClassUnit
    crops: list[CropView]


class CropViews:
    """Turns planned crops into drawn ones."""

    def __init__(self, tables: AuditTables, drawn: dict[Cut, DrawnCrop]) -> None:
        wrong = tables.predictions[tables.predictions["mistake"]]
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
    caps: Caps,
    plans: dict[int, ClassPlan],
    views: CropViews,
    clusters: dict[int, list[Pattern]],
) -> None:
    """Write patterns.html and patterns/<class_idx>.html; nothing without plans.

    scale : of all mean maps; clusters : of explanations, by class
    """
    stored = tables.units
    if stored is None or not plans:
        return
    layer = stored.layers[0]
    source = layer_before_ceiling(stored, layer)
    ceiling = ceiling_of(stored.of_layer(stored.stats, layer.name))
    near = nearest_classes(tables, stored.of_layer(stored.shared, layer.name))
    means = draw_split_means(tables, scale, site.folder)
    order = list(plans)
    rows = {
        class_idx: [UnitRow(unit, views.of(crops)) for unit, crops in plan.units]
        for class_idx, plan in plans.items()
    }
    for position, class_idx in enumerate(order):
        site.write(
            f"patterns/{class_idx}.html",
            "pattern.html",
            summary=classes[class_idx],
            previous=classes[order[position - 1]] if position else None,
            following=classes[order[position + 1]] if position + 1 < len(order) else None,
            means=means.get(class_idx),
            regions=views.of(plans[class_idx].regions),
            units=rows[class_idx],
            caps=caps,
            layer=layer,
            source=source.name,
            ceiling=ceiling,
            crop_side=round(layer.crop_side(tables.crop[1])),
            view=tables.crop[1],
            near=near.get(class_idx, []),
            near_total=len(order) - 1,
            nearest_shown=NEAREST,
            pages=set(order),
            clusters=clusters.get(class_idx, []),
            class_name=tables.class_name,
        )
    site.write(
        "patterns.html",
        "patterns.html",
        rows=[
            (classes[class_idx], rows[class_idx], near.get(class_idx, [])) for class_idx in order
        ],
        layer=layer,
        nearest=closest,
    )


def closest(near: list[NearClass]) -> NearClass | None:
    """The class of the largest cosine; None where none is known."""
    return next((row for row in near if row.rank == 1), None)
