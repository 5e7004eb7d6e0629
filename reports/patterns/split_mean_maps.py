"""The mean map of a class over its correct images, and over its mistakes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from reports.colour_scale import ColourScale
from reports.colours import positive_png
from reports.patterns.group_sums import sums_by_group
from reports.tables import AuditTables

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SplitMean:
    """correct, mistakes : paths in the report; '' where no image has a map
    correct_images, mistake_images : that the means are over
    """

    correct: str
    correct_images: int
    mistakes: str
    mistake_images: int


def split_sums(tables: AuditTables) -> tuple[npt.NDArray[np.int64], Floats]:
    """Sums of the label's raw maps by class: first over mistakes, then over correct images. The
    maps are read in pieces; those that are not finite are left out, empty ones count.

    Returns: images, shape (2, classes), and sums, shape (2, classes, rows * cols).
    """
    classes = 1 + int(tables.predictions["label"].max())
    known = tables.predictions[tables.predictions["labelled"]]
    correct = known.loc[~known["mistake"], "image_id"].to_numpy(np.int64)
    columns = ["image_id", "class_idx", "scale", "heatmap"]
    chosen = (
        (pc.field("role") == "label")
        & (pc.field("state") != "not_finite")
        & (pc.field("method") == tables.run.first_method())
    )
    images = np.zeros((2, classes), dtype=np.int64)
    sums: Floats | None = None
    for batch in tables.run.dataset("heatmaps").to_batches(columns=columns, filter=chosen):
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
        return images, np.zeros((2, classes, 0))
    return images, sums.reshape(2, classes, -1)


def draw_split_means(tables: AuditTables, scale: ColourScale, folder: Path) -> dict[int, SplitMean]:
    """By class; draws the means into `folder` on the scale of all mean maps."""
    rows, cols = tables.grid
    images, sums = split_sums(tables)
    if sums.shape[2] != rows * cols or not rows * cols:
        return {}
    means = {}
    for class_idx in np.flatnonzero(images.sum(axis=0)).tolist():
        wrong, right = (int(number) for number in images[:, class_idx])
        grids = (sums[:, class_idx] / np.maximum(images[:, class_idx], 1)[:, None]).reshape(
            2, rows, cols
        )
        means[class_idx] = SplitMean(
            correct=_draw(grids[1], scale, folder / f"maps/correct/{class_idx}.png", right),
            correct_images=right,
            mistakes=_draw(grids[0], scale, folder / f"maps/mistakes/{class_idx}.png", wrong),
            mistake_images=wrong,
        )
    return means


def _draw(grid: Floats, scale: ColourScale, file: Path, images: int) -> str:
    """The file's path in the report; '' where it would be the mean of nothing."""
    if not images:
        return ""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(positive_png(grid.astype(np.float32), scale.limit))
    return "/".join(file.parts[-3:])
