"""What the pages of patterns and layers need, begun before other pages are written."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from reports.colours import Map
from reports.patterns.class_rows import ClassPlan, plan_classes, planned_cuts
from reports.patterns.crops import Cut, DrawnCrop, draw_crops
from reports.patterns.layer_plans import LayerPlan, layer_cuts, plan_layers
from reports.patterns.nearest_classes import Cosines, class_cosines
from reports.patterns.split_mean_maps import SplitSums, split_sums
from reports.patterns.unit_choice import Caps
from reports.spread import IMAGES_PER_PICTURE, begin
from reports.stored_maps import MapKey
from reports.tables import AuditTables


@dataclass(frozen=True)
class BegunPatterns:
    """classes : by class, with their caps
    crops : being drawn
    cosines, sums : wait for what `class_cosines` and `split_sums` give
    """

    caps: Caps
    classes: dict[int, ClassPlan]
    layers: list[LayerPlan]
    crops: Iterator[tuple[Cut, DrawnCrop]]
    cosines: Callable[[], Cosines]
    sums: Callable[[], SplitSums]


def begin_patterns(
    tables: AuditTables, regions: dict[int, list[int]], maps: dict[MapKey, Map], folder: Path
) -> BegunPatterns:
    """Choose what the pages show, and begin to draw its crops into `folder`.

    regions, maps : as `plan_classes` takes them
    """
    caps, classes = plan_classes(tables, regions, maps)
    layers = plan_layers(tables, classes)
    crops = draw_crops(tables.run, planned_cuts(classes), layer_cuts(layers), folder)
    rows, run = tables.predictions, tables.run
    right = rows.loc[rows["labelled"] & ~rows["mistake"], "image_id"].to_numpy(np.int64)
    number = 1 + int(rows["label"].max()) if classes else 0
    size = len(rows) // IMAGES_PER_PICTURE if classes else 0
    cosines = begin(partial(class_cosines, run, right, number), size)
    sums = begin(partial(split_sums, run, right, number), size)
    return BegunPatterns(caps, classes, layers, crops, cosines, sums)
