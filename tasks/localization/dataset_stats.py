"""Figures of the whole dataset and of each class, the centre baseline beside each."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.localization.box_accuracy import BestThreshold
from tasks.localization.figure_counts import FigureCounts
from tasks.localization.level_hits import IOUS
from tasks.localization.pixel_precision import PixelPrecision
from tasks.statistics.intervals import wilson_interval
from tasks.statistics.paired_rates import paired_difference_interval
from tasks.tables.localization_schemas import LOCALIZATION_STATS

COUNTED = (
    "top_1_error", "top_5_error", "gt_known", "max_box_acc", "box_acc_30", "box_acc_50",
    "box_acc_70",
)  # fmt: skip
_V2 = COUNTED[-3:]
_VALUES = (
    "value", "low", "high", "centre", "centre_low", "centre_high", "difference",
    "difference_low", "difference_high",
)  # fmt: skip

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Columns = dict[str, Floats]


@dataclass(frozen=True)
class Thresholds:
    """The best for the whole dataset, by IoU.

    largest : of the label's map, largest contour
    any_contour : of the label's map, any contour
    centre : of the centre map, which has one
    """

    largest: dict[float, BestThreshold]
    any_contour: dict[float, BestThreshold]
    centre: dict[float, BestThreshold]

    def of(self, figure: str) -> tuple[float, float]:
        """Of the map and of the centre map; NaN where the figure chooses none."""
        if figure == "max_box_acc":
            return self.largest[0.5].threshold, self.centre[0.5].threshold
        for iou, name in zip(IOUS, _V2, strict=True):
            if figure == name:
                return self.any_contour[iou].threshold, self.centre[iou].threshold
        return np.nan, np.nan


def stats_table(
    counts: FigureCounts,
    pixels: dict[int, tuple[PixelPrecision, PixelPrecision]],
    thresholds: Thresholds,
    names: list[str],
) -> pa.Table:
    """A table of schema LOCALIZATION_STATS: all images first, then class by class; a class
    without images is left out, and so is pxap without masks.

    counts : figures are COUNTED, classes are those of `names`
    pixels : of the label's map and of the centre map, by class
    """
    shown = np.flatnonzero(counts.images)
    blocks = _counted_blocks(_with_all(counts, shown))
    blocks["max_box_acc_v2"] = _mean_of([blocks[name] for name in _V2])
    images = np.array([counts.images.sum(), *counts.images[shown]])
    rows = []
    for place, class_idx in enumerate([-1, *shown.tolist()] if len(shown) else []):
        name = None if class_idx < 0 else names[class_idx]
        for figure, block in blocks.items():
            threshold, centre_threshold = thresholds.of(figure)
            values = {key: block[key][place] for key in _VALUES}
            values |= {"threshold": threshold, "centre_threshold": centre_threshold}
            rows.append((class_idx, name, figure, int(images[place]), values))
        rows += _pixel_rows(class_idx, name, pixels)
    return _table(rows)


def _with_all(counts: FigureCounts, shown: Integers) -> list[Integers]:
    """images, by_map, by_centre, by_both of all images and of each shown class."""
    of_class = (counts.images[:, None], counts.by_map, counts.by_centre, counts.by_both)
    return [np.concatenate([c.sum(axis=0, keepdims=True), c[shown]]) for c in of_class]


def _counted_blocks(counted: list[Integers]) -> dict[str, Columns]:
    images, by_map, by_centre, by_both = counted
    blocks = {}
    for place, figure in enumerate(COUNTED):
        n, both = images[:, 0], by_both[:, place]
        first, second = by_map[:, place], by_centre[:, place]
        if figure.endswith("_error"):  # misses instead of hits
            first, second, both = n - first, n - second, n - first - second + both
        low, high = wilson_interval(first, n)
        centre_low, centre_high = wilson_interval(second, n)
        apart_low, apart_high = paired_difference_interval(first, second, both, n)
        with np.errstate(invalid="ignore"):
            value, centre = first / n, second / n
        columns = (value, low, high, centre, centre_low, centre_high, value - centre)
        blocks[figure] = dict(zip(_VALUES, (*columns, apart_low, apart_high), strict=True))
    return blocks


def _mean_of(blocks: list[Columns]) -> Columns:
    """Half the width of a mean's interval is at most the mean of the half widths, however the
    three depend on each other."""
    return {key: np.mean([block[key] for block in blocks], axis=0) for key in _VALUES}


def _pixel_rows(
    class_idx: int, name: str | None, pixels: dict[int, tuple[PixelPrecision, PixelPrecision]]
) -> list[tuple[int, str | None, str, int, dict[str, float]]]:
    chosen = pixels.values() if class_idx < 0 else [pixels[c] for c in (class_idx,) if c in pixels]
    of_map, of_centre = PixelPrecision(), PixelPrecision()
    for own, baseline in chosen:
        of_map.merge(own)
        of_centre.merge(baseline)
    if not of_map.on.any():
        return []
    value, centre = of_map.compute(), of_centre.compute()
    values = {"value": value, "centre": centre, "difference": value - centre}
    return [(class_idx, name, "pxap", of_map.images, values)]


def _table(rows: list[tuple[int, str | None, str, int, dict[str, float]]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), (), ()]
    keys = ("class_idx", "name", "figure", "images")
    arrays = {key: list(column) for key, column in zip(keys, columns, strict=False)}
    for key in ("threshold", "centre_threshold", *_VALUES):
        found = np.array([values.get(key, np.nan) for values in columns[4]], dtype=np.float64)
        arrays[key] = pa.array(found, from_pandas=True)
    return pa.table(arrays, schema=LOCALIZATION_STATS)
