"""What the pages of patterns and layers need, begun before other pages are written."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reports.colours import Map
from reports.patterns.class_rows import ClassPlan, plan_classes, planned_cuts
from reports.patterns.crops import Cut, DrawnCrop, draw_crops
from reports.patterns.layer_plans import LayerPlan, layer_cuts, plan_layers
from reports.patterns.unit_choice import Caps
from reports.stored_maps import MapKey
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


def begin_patterns(
    tables: AuditTables, regions: dict[int, list[int]], maps: dict[MapKey, Map], folder: Path
) -> BegunPatterns:
    """Choose what the pages show, and begin to draw its crops into `folder`.

    regions, maps : as `plan_classes` takes them
    """
    caps, classes = plan_classes(tables, regions, maps)
    layers = plan_layers(tables, classes)
    crops = draw_crops(tables.run, planned_cuts(classes), layer_cuts(layers), folder)
    return BegunPatterns(caps, classes, layers, crops)
