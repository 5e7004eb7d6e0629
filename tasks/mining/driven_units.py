"""The units that rise in mistakes driven by the background: `driven_units`."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.mining.layers import MinedLayer, mined_layers
from tasks.mining.shard_peaks import matrix
from tasks.statistics.exact_sum import ExactSum
from tasks.tables.by_image import columns_by_image, is_among, stored_image_ids
from tasks.tables.storage import RunFolder
from tasks.tables.unit_schemas import DRIVEN_UNITS
from tasks.tables.whole_files import write_table

KEPT_UNITS = 20

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def write_driven_units(run: RunFolder, shards: int) -> None:
    """Write `driven_units` from the verdicts and the peaks of all shards: for each predicted class
    the units whose peaks are higher in its confirmed mistakes than in correct images with the
    same labels. Mistakes whose label has no correct image are left out."""
    layers = mined_layers(run.audit()["model"])
    image_id = stored_image_ids(run, "verdicts")
    names = ["label", "predicted", "correct", "verdict"]
    columns = columns_by_image(run, "verdicts", names, image_id)
    label, is_correct = columns["label"], columns["correct"].astype(bool)
    is_driven = ~is_correct & (columns["verdict"] == "confirmed")
    is_driven &= np.isin(label, label[is_correct])
    is_correct &= np.isin(label, label[is_driven])
    verdicts = pd.DataFrame({"label": label, "predicted": columns["predicted"]}, index=image_id)
    correct, mistakes = verdicts[is_correct], verdicts[is_driven]
    sums = _PeakSums(correct["label"], mistakes["predicted"], layers[-1].stop)
    for shard in range(shards if len(mistakes) else 0):
        table = pq.read_table(run.partial_file("peaks", shard), columns=["image_id", "activation"])
        peaks = np.nan_to_num(matrix(table["activation"]).astype(np.float64))
        sums.update(table["image_id"].to_numpy(), peaks)
    write_table(run.table_file("driven_units"), _table(_rises(sums, mistakes), layers))


class _PeakSums:
    """Running sums of peaks over correct images by label, over mistakes by predicted class, and
    over all images.

    correct : labels of the correct images; mistakes : predicted classes; both by image_id, which
        ascends
    """

    def __init__(self, correct: pd.Series, mistakes: pd.Series, units: int) -> None:
        self._of_image = correct, mistakes
        self.classes = np.unique(correct), np.unique(mistakes)
        self._sums = tuple(ExactSum((len(own), units)) for own in self.classes)
        self._moments = ExactSum((2, units))
        self._images = 0

    def update(self, image_id: Ints, peaks: Floats) -> None:
        """Take in N images; peaks : float64, shape (N, units), finite."""
        for of_image, classes, sums in zip(self._of_image, self.classes, self._sums, strict=True):
            ids = of_image.index.to_numpy()
            here = is_among(image_id, ids)
            own = of_image.to_numpy()[np.searchsorted(ids, image_id[here])]
            sums.update_rows(np.searchsorted(classes, own), peaks[here])
        rows = np.zeros(len(peaks), dtype=np.int64)
        self._moments.update_rows(rows, peaks)
        self._moments.update_rows(rows + 1, peaks**2)
        self._images += len(peaks)

    def means(self) -> tuple[Floats, Floats]:
        """Of correct images by label and of mistakes by predicted class, each (classes, units)."""
        counts = [np.unique(of_image, return_counts=True)[1] for of_image in self._of_image]
        labels, predicted = (
            sums.compute() / count[:, None] for sums, count in zip(self._sums, counts, strict=True)
        )
        return labels, predicted

    def spread(self) -> Floats:
        """Standard deviation of each unit over all images."""
        mean, square = self._moments.compute() / max(self._images, 1)
        return np.sqrt(np.maximum(square - mean**2, 0))


@dataclass(frozen=True)
class _Rises:
    """predicted, mistakes : int64, shape (classes,)
    mean, expected, rise : float64, shape (classes, units)
    """

    predicted: Ints
    mistakes: Ints
    mean: Floats
    expected: Floats
    rise: Floats


def _rises(sums: _PeakSums, mistakes: pd.DataFrame) -> _Rises:
    labels, predicted = sums.classes
    counts = np.zeros((len(predicted), len(labels)), dtype=np.int64)
    place = np.searchsorted(predicted, mistakes["predicted"])
    np.add.at(counts, (place, np.searchsorted(labels, mistakes["label"])), 1)
    total = counts.sum(axis=1)
    of_labels, mean = sums.means()
    expected = counts / total[:, None] @ of_labels
    spread = sums.spread()
    rise = np.where(spread > 0, (mean - expected) / np.where(spread > 0, spread, 1), 0)
    return _Rises(predicted, total, mean, expected, rise)


def _table(rises: _Rises, layers: list[MinedLayer]) -> pa.Table:
    """By layer and class the 20 units that rise most; of equals the lower; none that falls."""
    tables = [DRIVEN_UNITS.empty_table()]
    for layer in layers:
        rise = rises.rise[:, layer.start : layer.stop]
        order = np.argsort(-rise, axis=1, kind="stable")[:, :KEPT_UNITS]
        group, rank = np.nonzero(np.take_along_axis(rise, order, axis=1) > 0)
        unit = order[group, rank]
        there = group, unit + layer.start
        columns = {
            "target_layer": pa.repeat(layer.name, len(group)),
            "predicted": rises.predicted[group].astype(np.int32),
            "rank": rank.astype(np.int32),
            "unit": unit.astype(np.int32),
            "mistakes": rises.mistakes[group],
            "mean": rises.mean[there],
            "expected": rises.expected[there],
            "rise": rises.rise[there],
        }
        tables.append(pa.table(columns, schema=DRIVEN_UNITS))
    return pa.concat_tables(tables)
