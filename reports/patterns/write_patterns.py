"""The pages of patterns and of layers, whose crops are drawn together."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reports.background.patterns import Pattern
from reports.class_summaries import ClassSummary
from reports.colour_scale import ColourScale
from reports.patterns.class_rows import ClassPlan, plan_classes, planned_cuts
from reports.patterns.crops import Cut, DrawnCrop, draw_crops
from reports.patterns.layer_pages import write_layer_pages
from reports.patterns.layer_plans import LayerPlan, layer_cuts, plan_layers
from reports.patterns.pattern_pages import CropViews, write_pattern_pages
from reports.patterns.unit_choice import Caps
from reports.site import Site
from reports.tables import AuditTables


@dataclass(frozen=True)
class BegunPatterns:
    """classes : by class, with their caps
    crops : being drawn
    """

    caps: Caps
    classes: dict[int, ClassPlan]
    layers: list[LayerPlan]
    crops: Iterator[tuple[Cut, DrawnCrop]]


def begin_patterns(tables: AuditTables, folder: Path) -> BegunPatterns:
    """Choose what the pages show, and begin to draw its crops into `folder`."""
    caps, classes = plan_classes(tables)
    layers = plan_layers(tables, classes)
    crops = draw_crops(tables.run, planned_cuts(classes), layer_cuts(layers), folder)
    return BegunPatterns(caps, classes, layers, crops)


def write_patterns(
    site: Site,
    tables: AuditTables,
    scale: ColourScale,
    classes: dict[int, ClassSummary],
    begun: BegunPatterns,
    clusters: dict[int, list[Pattern]],
) -> None:
    """Write patterns.html and layers/<number>.html, and begin patterns/<class_idx>.html; without
    labels only layers, and nothing for an audit that is older than the tables of units.

    scale : of all mean maps
    clusters : of explanations, by class
    """
    crops = dict(begun.crops)
    views = CropViews(tables, crops)
    write_pattern_pages(site, tables, scale, classes, begun.caps, begun.classes, views, clusters)
    write_layer_pages(site, tables, begun.layers, begun.classes, crops)
