"""layers/<number>.html: every unit of a mined layer, in a table that a script draws."""

import json

from reports.patterns.ceilings import shared_ceiling
from reports.patterns.class_rows import ClassPlan
from reports.patterns.crops import Cut, DrawnCrop
from reports.patterns.layer_data import layer_data
from reports.patterns.layer_plans import LEAST_IMAGES, TOP_IMAGES, LayerPlan
from reports.site import Site
from reports.tables import AuditTables

# Columns that a layer may lack, by their places in a row of the data, as units.js reads them.
_OPTIONAL = {"has_selectivity": 2, "has_means": 4, "driven": 10}


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
            **{
                name: any(row[place] is not None for row in data["rows"])
                for name, place in _OPTIONAL.items()
            },
            class_pages=sorted(classes),
            shared_ceiling=shared_ceiling(stored.of_layer(stored.stats, layer.name)),
            crop_side=round(layer.crop_side(tables.crop[1])),
            view=tables.crop[1],
            shown=(TOP_IMAGES, LEAST_IMAGES),
        )


def unit_owners(classes: dict[int, ClassPlan]) -> dict[int, list[int]]:
    """By unit of the target layer the classes on whose pages it stands."""
    owners: dict[int, list[int]] = {}
    for class_idx, plan in classes.items():
        for row, _ in plan.units:
            owners.setdefault(row.unit, []).append(class_idx)
    return owners
