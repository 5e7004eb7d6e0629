"""The pages of patterns and of layers, whose crops are drawn together."""

from reports.background.patterns import Pattern
from reports.class_summaries import ClassSummary
from reports.colour_scale import ColourScale
from reports.patterns.begun_patterns import BegunPatterns
from reports.patterns.layer_pages import write_layer_pages
from reports.patterns.pattern_pages import CropViews, write_pattern_pages
from reports.site import Site
from reports.tables import AuditTables


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
    write_pattern_pages(site, tables, scale, classes, begun, CropViews(tables, crops), clusters)
    write_layer_pages(site, tables, begun.layers, begun.classes, crops)
