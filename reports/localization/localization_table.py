"""The figures of localisation as rows of a page."""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reports.formats import decimal
from reports.localization.localization_words import FIGURES, OF_CLASSES, FigureWords, words_of


@dataclass(frozen=True)
class Share:
    """value, low, high : in [0, 1], or [-1, 1] for a difference; NaN where there is none"""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Figure:
    """One figure of all images or of a class.

    threshold, centre_threshold : of the map's maximum; NaN where none is chosen
    difference : maps less centre
    mark : 'better', 'worse', or '' where the difference's interval holds zero or is not known
    """

    name: str
    words: FigureWords
    images: int
    threshold: float
    centre_threshold: float
    maps: Share
    centre: Share
    difference: Share
    mark: str

    @property
    def points(self) -> str:
        """The difference in points of per cent, signed."""
        return f"{100 * self.difference.value:+.1f}".replace("-", "−")

    @property
    def points_interval(self) -> str:
        """'[+1.2, +3.4]'; nothing where there is none."""
        if not math.isfinite(self.difference.low):
            return ""
        low, high = (decimal(100 * v, 1) for v in (self.difference.low, self.difference.high))
        return f"[{low}, {high}]"


@dataclass(frozen=True)
class ClassRow:
    """figures : in the order of the columns; None where the class has no such figure"""

    class_idx: int
    name: str
    images: int
    figures: list[Figure | None]


def overall_figures(stats: pd.DataFrame) -> list[Figure]:
    """Of all images, in the order of FIGURES.

    stats : `localization_stats`

    Raises: AuditError for a figure that the report has no words for.
    """
    rows = stats[stats["class_idx"] == -1].to_dict("records")
    found = {str(row["figure"]): _figure(row) for row in rows}
    return [found[name] for name in FIGURES if name in found]


def class_rows(stats: pd.DataFrame) -> tuple[list[FigureWords], list[ClassRow]]:
    """The columns of the table of classes, and its rows, the lowest MaxBoxAcc first."""
    of_classes = stats[(stats["class_idx"] >= 0) & stats["figure"].isin(OF_CLASSES)]
    columns = [name for name in OF_CLASSES if (of_classes["figure"] == name).any()]
    rows = []
    for class_idx, own in of_classes.groupby("class_idx"):
        found = {str(row["figure"]): _figure(row) for row in own.to_dict("records")}
        figures = [found.get(name) for name in columns]
        images = max(figure.images for figure in found.values())
        rows.append(ClassRow(int(class_idx), str(own["name"].iloc[0]), images, figures))
    rows.sort(key=lambda row: (row.figures[0].maps.value if row.figures[0] else 2, row.class_idx))
    return [words_of(name) for name in columns], rows


def _figure(row: dict[Any, Any]) -> Figure:
    words = words_of(str(row["figure"]))
    difference = _share(row, "difference")
    sign = 1 if words.better == "higher" else -1
    certain = difference.low > 0 or difference.high < 0
    mark = "" if not certain else "better" if sign * difference.value > 0 else "worse"
    return Figure(
        name=str(row["figure"]),
        words=words,
        images=int(row["images"]),
        threshold=float(row["threshold"]),
        centre_threshold=float(row["centre_threshold"]),
        maps=Share(float(row["value"]), float(row["low"]), float(row["high"])),
        centre=_share(row, "centre"),
        difference=difference,
        mark=mark,
    )


def _share(row: dict[Any, Any], name: str) -> Share:
    return Share(float(row[name]), float(row[f"{name}_low"]), float(row[f"{name}_high"]))
