"""The mean map of a class over its correct images, and over its mistakes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from reports.colour_scale import ColourScale
from reports.map_cells import map_data
from reports.patterns.group_sums import sums_by_group
from tasks.tables.storage import RunFolder

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SplitSums:
    """images : int64, shape (2, classes); sums : shape (2, classes, rows * cols)"""

    images: Ids
    sums: Floats


@dataclass(frozen=True)
class SplitMean:
    """correct, mistakes : of `map_data`; '' where no image has a map
    correct_images, mistake_images : that the means are over
    """

    correct: str
    correct_images: int
    mistakes: str
    mistake_images: int


def split_sums(run: RunFolder, correct: Ids, classes: int) -> SplitSums:
    """Sums of the label's raw maps by class: first over mistakes, then over correct images. The
    maps are read in pieces; those that are not finite are left out, empty ones count.

    correct : image_ids
    """
    columns = ["image_id", "class_idx", "scale", "heatmap"]
    chosen = (
        (pc.field("role") == "label")
        & (pc.field("state") != "not_finite")
        & (pc.field("method") == run.first_method())
    )
    images: Ids = np.zeros((2, classes), dtype=np.int64)
    sums: Floats | None = None
    for batch in run.dataset("heatmaps").to_batches(columns=columns, filter=chosen):
        if not batch.num_rows:
            continue
        cells = batch["heatmap"].flatten().to_numpy(zero_copy_only=False).astype(np.float64)
        raw = cells.reshape(batch.num_rows, -1) * batch["scale"].to_numpy()[:, None]
        right = np.isin(batch["image_id"].to_numpy(), correct).astype(np.int64)
        group = right * classes + batch["class_idx"].to_numpy()
        images += np.bincount(group, minlength=2 * classes).reshape(2, classes)
        added = sums_by_group(raw, group, 2 * classes)
        sums = added if sums is None else sums + added
    if sums is None:
        return SplitSums(images, np.zeros((2, classes, 0)))
    return SplitSums(images, sums.reshape(2, classes, -1))


def split_means(
    grid: tuple[int, int], scale: ColourScale, summed: SplitSums
) -> dict[int, SplitMean]:
    """By class; on the scale of all mean maps.

    grid : rows and columns of a map
    """
    (rows, cols), images, sums = grid, summed.images, summed.sums
    if sums.shape[2] != rows * cols or not rows * cols:
        return {}
    means = {}
    for class_idx in np.flatnonzero(images.sum(axis=0)).tolist():
        wrong, right = (int(number) for number in images[:, class_idx])
        grids = (sums[:, class_idx] / np.maximum(images[:, class_idx], 1)[:, None]).reshape(
            2, rows, cols
        )
        means[class_idx] = SplitMean(
            correct=_data(grids[1], scale, right),
            correct_images=right,
            mistakes=_data(grids[0], scale, wrong),
            mistake_images=wrong,
        )
    return means


def _data(grid: Floats, scale: ColourScale, images: int) -> str:
    """'' where it would be the mean of nothing."""
    return map_data(grid.astype(np.float32), scale.limit) if images else ""
