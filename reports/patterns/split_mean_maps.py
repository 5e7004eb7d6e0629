"""The mean map of a class over its correct images, and over its mistakes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from reports.colour_scale import ColourScale
from reports.map_cells import map_data
from reports.tables import AuditTables


@dataclass(frozen=True)
class SplitMean:
    """correct, mistakes : of `map_data`; '' where no image has a map
    correct_images, mistake_images : that the means are over
    """

    correct: str
    correct_images: int
    mistakes: str
    mistake_images: int


def split_means(tables: AuditTables, scale: ColourScale) -> dict[int, SplitMean]:
    """By class.

    scale : of all mean maps
    """
    stats = tables.class_stats
    means = {}
    for row in stats[stats["mean_map_images"] > 0].to_dict("records"):
        right = int(row["correct_map_images"])
        means[int(row["class_idx"])] = SplitMean(
            correct=_data(row, "correct_map", scale),
            correct_images=right,
            mistakes=_data(row, "mistake_map", scale),
            mistake_images=int(row["mean_map_images"]) - right,
        )
    return means


def _data(row: dict[Any, Any], name: str, scale: ColourScale) -> str:
    if row[name] is None:
        return ""
    shape = int(row["map_rows"]), int(row["map_cols"])
    return map_data(np.asarray(row[name], dtype=np.float32).reshape(shape), scale.limit)
