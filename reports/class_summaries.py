"""What the report knows of each class."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from reports.colour_scale import ColourScale
from reports.map_cells import map_data
from reports.quantities import Mean, Rate
from reports.tables import AuditTables


@dataclass(frozen=True)
class ClassSummary:
    """accuracy : of the images with this label
    predicted : images that were given this class, label known or not
    precision : of the images that were given this class, label known
    object_energy, object_area : the label's map on the object, and what a uniform one scores
    pointing, empty : of the label's maps
    mean_map : of `map_data`; '' where there is none
    """

    class_idx: int
    name: str
    accuracy: Rate
    predicted: int
    precision: Rate
    mean_label_probability: float
    object_energy: Mean
    object_area: float
    pointing: Rate
    empty: Rate
    mean_map: str
    mean_map_images: int

    @property
    def href(self) -> str:
        return f"classes/{self.class_idx}.html"


def summarise_classes(tables: AuditTables, scale: ColourScale) -> dict[int, ClassSummary]:
    """A summary of each class that has images or predictions, by class index.

    scale : of all mean maps
    """
    given = {int(i): int(n) for i, n in tables.images["predicted"].value_counts().items()}
    rows = {int(row["class_idx"]): row for row in tables.class_stats.to_dict("records")}
    with_images = {class_idx for class_idx, row in rows.items() if row["images"] > 0}
    return {
        class_idx: _summarise(
            tables, class_idx, rows.get(class_idx, {}), given.get(class_idx, 0), scale
        )
        for class_idx in sorted(with_images | set(given))
    }


def _summarise(
    tables: AuditTables,
    class_idx: int,
    row: dict[Any, Any],
    given: int,
    scale: ColourScale,
) -> ClassSummary:
    def whole(key: str) -> int:
        return int(row.get(key) or 0)

    def real(key: str) -> float:
        return float(row.get(key, np.nan))

    bounds = real("object_energy_low"), real("object_energy_high")
    return ClassSummary(
        class_idx=class_idx,
        name=tables.class_name(class_idx),
        accuracy=Rate(whole("correct"), whole("images")),
        predicted=given,
        precision=Rate(whole("correct"), whole("predicted_images")),
        mean_label_probability=real("mean_label_probability"),
        object_energy=Mean(real("object_energy"), *bounds, whole("masked_images")),
        object_area=real("object_area"),
        pointing=Rate(whole("pointing_hits"), whole("masked_images")),
        empty=Rate(whole("empty_maps"), whole("images")),
        mean_map=_mean_map(row, scale),
        mean_map_images=whole("mean_map_images"),
    )


def _mean_map(row: dict[Any, Any], scale: ColourScale) -> str:
    if not row.get("mean_map_images"):
        return ""
    shape = int(row["map_rows"]), int(row["map_cols"])
    return map_data(np.asarray(row["mean_map"], dtype=np.float32).reshape(shape), scale.limit)
