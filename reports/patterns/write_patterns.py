"""The pages of patterns and of layers, whose crops are drawn together."""

from reports.background.patterns import Pattern
from reports.class_summaries import ClassSummary
from reports.colour_scale import ColourScale
from reports.patterns.class_rows import ClassPlan, planned_cuts
from reports.patterns.crops import draw_crops
from reports.patterns.layer_pages import write_layer_pages
from reports.patterns.layer_plans import layer_cuts, plan_layers
from reports.patterns.pattern_pages import CropViews, write_pattern_pages
from reports.patterns.unit_choice import Caps
from reports.site import Site
from reports.tables import AuditTables


def write_patterns(
    site: Site,
    tables: AuditTables,
    scale: ColourScale,
    classes: dict[int, ClassSummary],
    caps: Caps,
    plans: dict[int, ClassPlan],
    clusters: dict[int, list[Pattern]],
) -> None:
    """Write patterns.html, patterns/<class_idx>.html and layers/<number>.html; without labels only
    the last, and nothing for an audit that is older than the tables of units.

    scale : of all mean maps
    plans : by class, of `plan_classes` with their caps
    clusters : of explanations, by class
    """
    layers = plan_layers(tables, plans)
    crops = draw_crops(tables.run, planned_cuts(plans), layer_cuts(layers), site.folder)
    views = CropViews(tables, crops)
    write_pattern_pages(site, tables, scale, classes, caps, plans, views, clusters)
    write_layer_pages(site, tables, layers, plans, crops)
