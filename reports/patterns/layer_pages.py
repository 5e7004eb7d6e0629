"""layers/<number>.html: every unit of a mined layer, in a table that a script draws."""

import json

from reports.patterns.ceilings import ceiling_of
from reports.patterns.class_rows import ClassPlan
from reports.patterns.crops import Cut, DrawnCrop
from reports.patterns.layer_data import layer_data
from reports.patterns.layer_plans import LEAST_IMAGES, TOP_IMAGES, LayerPlan
from reports.site import Site
from reports.tables import AuditTables

# Places in a row of the data, as units.js reads them.
_SELECTIVITY, _MEAN, _RISE = 2, 4, 10


def write_layer_pages(
    site: Site,
    tables: AuditTables,
    plans: list[LayerPlan],
    classes: dict[int, ClassPlan],
    drawn: dict[Cut, DrawnCrop],
) -> None:
    """Write a page for each plan, the target layer's as layers/0.html."""
    stored = tables.units
    if stored is None:
        return
    for number, plan in enumerate(plans):
        layer = plan.layer
        owners = unit_owners(classes) if number == 0 else {}
        data = layer_data(tables, stored, plan, owners, drawn)
        stats = stored.of_layer(stored.stats, layer.name)
        summary = stored.of_layer(stored.layer_stats, layer.name)
        site.write(
            f"layers/{number}.html",
            "layer.html",
            layer=layer,
            layers=[other.layer.name for other in plans],
            number=number,
            summary=summary.iloc[0].to_dict() if len(summary) else None,
            data=json.dumps(data, separators=(",", ":"), allow_nan=False),
            pictured=len(plan.pictured),
            from_pages=len(owners.keys() & plan.pictured.keys()),
            has_selectivity=any(row[_SELECTIVITY] is not None for row in data["rows"]),
            has_means=any(row[_MEAN] is not None for row in data["rows"]),
            driven=any(row[_RISE] is not None for row in data["rows"]),
            class_pages=sorted(classes),
            ceiling=ceiling_of(stats),
            pictured_from=plan.source.name,
            crop_side=round(layer.crop_side(tables.crop[1])),
            view=tables.crop[1],
            top_images=TOP_IMAGES,
            least_images=LEAST_IMAGES,
        )


def unit_owners(classes: dict[int, ClassPlan]) -> dict[int, list[int]]:
    """By unit of the target layer the classes on whose pages it stands."""
    owners: dict[int, list[int]] = {}
    for class_idx, plan in classes.items():
        for row, _ in plan.units:
            owners.setdefault(row.unit, []).append(class_idx)
    return owners
