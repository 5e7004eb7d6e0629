"""What each unit tells of each class: `unit_classes`."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.mining.layers import MinedLayer
from tasks.tables.unit_schemas import UNIT_CLASSES

# All pairs of unit and class up to this many in a layer; of more only the first by each measure.
MOST_PAIRS = 1_000_000
KEPT_UNITS = 50

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class ClassNumbers:
    """By class and unit; the classes are those that have images.

    class_idx, images : int64, shape (classes,)
    contribution : float64, shape (classes, units of the target layer)
    mean, mean_difference : float64, shape (classes, units of all layers)
    auroc, auroc_error : float32, of that shape
    """

    class_idx: npt.NDArray[np.int64]
    images: npt.NDArray[np.int64]
    contribution: Floats
    mean: Floats
    mean_difference: Floats
    auroc: Floats
    auroc_error: Floats


def differences(sums: Floats, images: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """The mean of each class, and what it is above the mean over the images of all others.

    sums : shape (classes, units); images : shape (classes,), none 0

    Returns: two float64 arrays of the shape of `sums`; the second NaN where there are no others.
    """
    mean = sums / images[:, None]
    others = images.sum() - images
    rest = (sums.sum(axis=0) - sums) / np.where(others > 0, others, 1)[:, None]
    return mean, np.where(others[:, None] > 0, mean - rest, np.nan)


def unit_classes(numbers: ClassNumbers, layers: list[MinedLayer]) -> pa.Table:
    """Rows of UNIT_CLASSES by layer, class and unit.

    Of a layer with more than a million pairs of class and unit, for each class the 50 units of
    the largest AUROC, and of the largest contributions either way.
    """
    tables = [UNIT_CLASSES.empty_table()]
    for layer in layers:
        kept = _kept(numbers, layer)
        group, unit = np.nonzero(kept)
        there = group, unit + layer.start
        contribution = np.full(kept.shape, np.nan)
        if layer.start == 0:
            contribution = numbers.contribution
        columns = {
            "target_layer": pa.repeat(layer.name, len(group)),
            "class_idx": numbers.class_idx[group].astype(np.int32),
            "unit": unit.astype(np.int32),
            "images": numbers.images[group],
            "contribution": pa.array(contribution[group, unit], from_pandas=True),
            "mean": numbers.mean[there],
            "mean_difference": pa.array(numbers.mean_difference[there], from_pandas=True),
            "auroc": pa.array(numbers.auroc[there], from_pandas=True),
            "auroc_error": pa.array(numbers.auroc_error[there], from_pandas=True),
        }
        tables.append(pa.table(columns, schema=UNIT_CLASSES))
    return pa.concat_tables(tables)


def _kept(numbers: ClassNumbers, layer: MinedLayer) -> npt.NDArray[np.bool_]:
    """Shape (classes, units of the layer)."""
    shape = len(numbers.class_idx), layer.channels
    if shape[0] * shape[1] <= MOST_PAIRS:
        return np.ones(shape, dtype=bool)
    kept = _largest(numbers.auroc[:, layer.start : layer.stop])
    return kept | _largest(np.abs(numbers.contribution)) if layer.start == 0 else kept


def _largest(values: Floats) -> npt.NDArray[np.bool_]:
    """Of each row the largest 50, of equals the first."""
    order = np.argsort(-np.nan_to_num(values, nan=-np.inf), axis=1, kind="stable")[:, :KEPT_UNITS]
    chosen = np.zeros(values.shape, dtype=bool)
    np.put_along_axis(chosen, order, True, axis=1)
    return chosen
