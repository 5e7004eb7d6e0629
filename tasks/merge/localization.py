"""From what each shard says of localisation to the figures of the whole dataset."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.localization.box_accuracy import BoxAccuracy
from tasks.localization.dataset_stats import COUNTED, Thresholds, stats_table
from tasks.localization.figure_counts import FigureCounts
from tasks.localization.level_hits import IOUS, level_thresholds
from tasks.localization.one_contour import LEVELS
from tasks.localization.pixel_precision import PixelPrecision
from tasks.tables.localization_schemas import LOCALIZATION_CURVES
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_table

_HITS = ("largest_hits", "any_hits", "centre_hits")

Bools = npt.NDArray[np.bool_]


def merge_localization(run: RunFolder, shards: int) -> None:
    """Write `localization_stats` and `localization_curves`, one shard in memory. Both are empty
    where no image has a label and an object in view.

    The shards are read twice: the best thresholds of the dataset are known only after the first.
    """
    curves = {name: BoxAccuracy() for name in _HITS}
    for rows in _shards(run, shards, list(_HITS)):
        for name, curve in curves.items():
            curve.update(_level_hits(rows, name))
    best = [curves[name].compute() for name in _HITS]
    thresholds = Thresholds(*best)
    names = run.audit()["classes"]
    counts = FigureCounts(len(names), len(COUNTED))
    for rows in _shards(run, shards, None):
        labels = rows["label"].to_numpy().astype(np.int64)
        counts.update(labels, *_figure_hits(rows, thresholds))
    table = stats_table(counts, _pixels(run, shards), thresholds, names)
    write_table(run.table_file("localization_stats"), table)
    write_table(run.table_file("localization_curves"), _curves_table(curves))


def _shards(run: RunFolder, shards: int, columns: list[str] | None) -> Iterator[pa.Table]:
    for shard in range(shards):
        yield pq.read_table(run.table_file("localization", shard), columns=columns)


def _level_hits(rows: pa.Table, name: str) -> Bools:
    flat = rows[name].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    hits: Bools = flat.astype(np.bool_).reshape(-1, len(IOUS), LEVELS)
    return hits


def _figure_hits(rows: pa.Table, thresholds: Thresholds) -> tuple[Bools, Bools]:
    """Hits of the label's map and of the centre map: (N, figures) each, in the order of COUNTED."""
    correct, in_top_5 = (_flags(rows, name) for name in ("correct", "in_top_5"))
    sides = []
    for hit, first, others, largest, any_contour in (
        ("hit", "largest_hits", "any_hits", thresholds.largest, thresholds.any_contour),
        ("centre_hit", "centre_hits", "centre_hits", thresholds.centre, thresholds.centre),
    ):
        known = _flags(rows, hit)
        by_largest, by_any = _level_hits(rows, first), _level_hits(rows, others)
        columns = [correct & known, in_top_5 & known, known]
        columns.append(by_largest[:, IOUS.index(0.5), largest[0.5].level])
        columns += [by_any[:, i, any_contour[iou].level] for i, iou in enumerate(IOUS)]
        sides.append(np.stack(columns, axis=1))
    return sides[0], sides[1]


def _flags(rows: pa.Table, name: str) -> Bools:
    flags: Bools = rows[name].to_numpy().astype(np.bool_)
    return flags


def _pixels(run: RunFolder, shards: int) -> dict[int, tuple[PixelPrecision, PixelPrecision]]:
    found: dict[int, tuple[PixelPrecision, PixelPrecision]] = {}
    for shard in range(shards):
        for row in pq.read_table(run.partial_file("localization", shard)).to_pylist():
            sides = found.setdefault(row["label"], (PixelPrecision(), PixelPrecision()))
            for side, prefix in zip(sides, ("", "centre_"), strict=True):
                on, off = (np.array(row[prefix + key], dtype=np.int64) for key in ("on", "off"))
                side.add(row["images"], on, off)
    return found


def _curves_table(curves: dict[str, BoxAccuracy]) -> pa.Table:
    thresholds = level_thresholds().tolist()
    named = zip(curves.values(), ("label", "label", "centre"), ("largest", "any", "largest"),
                strict=True)  # fmt: skip
    rows = [
        {"map": of_map, "contours": contours, "iou": iou, "threshold": threshold,
         "hits": int(hits), "images": curve.images}
        for curve, of_map, contours in named
        if curve.images
        for iou, of_iou in zip(IOUS, curve.hits, strict=True)
        for threshold, hits in zip(thresholds, of_iou, strict=True)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, LOCALIZATION_CURVES)
