"""The numbers and crops of a layer's units, as the script of its page reads them."""

import math
from typing import Any

import pandas as pd

from reports.patterns.class_rows import PlannedCrop
from reports.patterns.crops import Cut, DrawnCrop
from reports.patterns.layer_plans import LayerPlan
from reports.patterns.stored_units import StoredUnits
from reports.tables import AuditTables

# Numbers of `unit_stats` in the order of the table's columns.
STATS = (
    "selectivity", "silent_share", "mean", "quantile_05", "quantile_50", "quantile_95",
    "peak_quantile_50", "peak_largest",
)  # fmt: skip
_DIGITS = 4  # significant

Json = dict[str, Any]


class ClassNumbers:
    """Numbers classes as they are met, so that each name is written once.

    Attributes: listed, [class_idx, name] of each
    """

    def __init__(self, tables: AuditTables) -> None:
        self._tables = tables
        self._numbers: dict[int, int] = {}
        self.listed: list[tuple[int, str]] = []

    def number(self, class_idx: int) -> int:
        """-1 where the class is unknown."""
        if class_idx < 0:
            return -1
        if class_idx not in self._numbers:
            self._numbers[class_idx] = len(self.listed)
            self.listed.append((class_idx, self._tables.class_name(class_idx)))
        return self._numbers[class_idx]


def layer_data(
    tables: AuditTables,
    stored: StoredUnits,
    plan: LayerPlan,
    owners: dict[int, list[int]],
    drawn: dict[Cut, DrawnCrop],
) -> Json:
    """rows: for each unit its number, the class of its highest mean, STATS, the largest rise over
    driven mistakes and the class these were taken for, and whether it is dead; null: unknown.
    classes: [class_idx, name]; rows and crops count in this list. owners: by unit the classes on
    whose pages it stands. top, least: by unit its crops: file number or -1, activation, label,
    file name, box in shares of the crop.

    owners : by unit, class indices
    """
    classes = ClassNumbers(tables)
    images = tables.rows_of({image_id for image_id, _ in drawn})
    labels = dict(zip(images["image_id"].tolist(), images["label"].tolist(), strict=True))

    def crops(planned: list[PlannedCrop]) -> list[list[Any]]:
        return [
            _crop(drawn[crop.cut], crop, classes.number(labels[crop.cut[0]])) for crop in planned
        ]

    return {
        "rows": _rows(stored, plan.layer.name, classes),
        "owners": {unit: [classes.number(i) for i in of] for unit, of in owners.items()},
        "top": {unit: crops(pictures.top) for unit, pictures in plan.pictured.items()},
        "least": {unit: crops(pictures.least) for unit, pictures in plan.pictured.items()},
        "classes": classes.listed,
    }


def _crop(drawn: DrawnCrop, crop: PlannedCrop, label: int) -> list[Any]:
    return [drawn.number, _short(crop.activation), label, drawn.name, crop.inner]


def _rows(stored: StoredUnits, layer: str, classes: ClassNumbers) -> list[list[Any]]:
    rises = largest_rises(stored.driven, layer)
    stats = stored.of_layer(stored.stats, layer).sort_values("unit")
    rows = []
    for row in stats.to_dict("records"):
        unit = int(row["unit"])
        rise, predicted = rises.get(unit, (math.nan, -1))
        rows.append(
            [
                unit,
                classes.number(int(row["selective_class_idx"])),
                *(_short(row[key]) for key in STATS),
                _short(rise),
                classes.number(predicted),
                int(row["dead"] is True),
            ]
        )
    return rows


def largest_rises(driven: pd.DataFrame | None, layer: str) -> dict[int, tuple[float, int]]:
    """By unit the largest rise over mistakes driven by the background, and the class that these
    were taken for."""
    if driven is None:
        return {}
    here = driven[driven["target_layer"] == layer].sort_values(
        ["rise", "predicted"], ascending=[False, True]
    )
    first = here.drop_duplicates("unit")
    values = zip(first["unit"], first["rise"], first["predicted"], strict=True)
    return {int(unit): (float(rise), int(predicted)) for unit, rise, predicted in values}


def _short(value: float | None) -> float | None:
    """Four significant digits; JSON knows no NaN."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{_DIGITS}g}")
