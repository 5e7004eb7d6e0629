"""What the model does with each class."""

from copy import deepcopy
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from tasks.statistics.exact_sum import ExactSum
from tasks.statistics.intervals import Z_95, wilson_interval
from tasks.tables.schemas import CLASS_STATS, CONFUSIONS

_COUNTS = ("images", "correct", "predicted_images", "masked_images", "pointing_hits",
           "empty_maps", "mean_map_images", "correct_map_images")  # fmt: skip
_SUMS = ("label_probability", "object_energy", "object_energy_squared", "object_area")

Integers = npt.NDArray[np.int64]


class ClassStats:
    """Running statistics per class; associative and order-free.

    num_classes : outputs of the model; rows, cols : grid of the heatmaps
    """

    def __init__(self, num_classes: int, rows: int, cols: int) -> None:
        self._grid = (rows, cols)
        self._counts = {name: np.zeros(num_classes, dtype=np.int64) for name in _COUNTS}
        self._sums = {name: ExactSum((num_classes,)) for name in _SUMS}
        shape = (num_classes, rows * cols)
        self._correct_map, self._mistake_map = ExactSum(shape), ExactSum(shape)
        self._confusions: dict[tuple[int, int], int] = {}

    def update(
        self, predictions: pd.DataFrame, label_maps: pd.DataFrame, raw: npt.NDArray[np.float64]
    ) -> None:
        """Take in some images.

        predictions : columns of PREDICTIONS
        label_maps : rows of `heatmaps` with role 'label'
        raw : float64, shape (len(label_maps), rows * cols), their raw maps; NaN where not finite
        """
        known = predictions[predictions["label"] >= 0]
        label = known["label"].to_numpy(np.int64)
        self._count("images", label)
        self._count("correct", label[known["correct"].to_numpy(bool)])
        self._count("predicted_images", known["predicted"].to_numpy(np.int64))
        self._sums["label_probability"].update(label, known["label_probability"])
        pairs = known.groupby(["label", "predicted"]).size()
        for (actual, predicted), images in pairs.items():
            pair = (int(actual), int(predicted))
            self._confusions[pair] = self._confusions.get(pair, 0) + int(images)
        correct = known.set_index("image_id")["correct"].reindex(label_maps["image_id"])
        self._update_maps(label_maps, raw, correct.to_numpy(bool))

    def _update_maps(
        self, maps: pd.DataFrame, raw: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_]
    ) -> None:
        class_idx = maps["class_idx"].to_numpy(np.int64)
        self._count("empty_maps", class_idx[(maps["state"] == "empty").to_numpy()])
        finite = np.isfinite(raw).all(axis=1)
        self._count("mean_map_images", class_idx[finite])
        self._count("correct_map_images", class_idx[finite & correct])
        self._correct_map.update_rows(class_idx[finite & correct], raw[finite & correct])
        self._mistake_map.update_rows(class_idx[finite & ~correct], raw[finite & ~correct])
        masked = maps["object_energy"].notna().to_numpy()
        energy = maps["object_energy"].to_numpy(np.float64)[masked]
        self._count("masked_images", class_idx[masked])
        self._sums["object_energy"].update(class_idx[masked], energy)
        self._sums["object_energy_squared"].update(class_idx[masked], energy**2)
        area = maps["object_area"].to_numpy(np.float64)[masked]
        self._sums["object_area"].update(class_idx[masked], area)
        hits = maps["pointing_hit"].fillna(False).to_numpy(bool)
        self._count("pointing_hits", class_idx[hits & masked])

    def _count(self, name: str, class_idx: Integers) -> None:
        np.add.at(self._counts[name], class_idx, 1)

    def merge(self, other: Self) -> None:
        """Take in all that `other` has seen."""
        for name in _COUNTS:
            self._counts[name] += other._counts[name]
        for name in _SUMS:
            self._sums[name].merge(other._sums[name])
        self._correct_map.merge(other._correct_map)
        self._mistake_map.merge(other._mistake_map)
        for pair, images in other._confusions.items():
            self._confusions[pair] = self._confusions.get(pair, 0) + images

    def class_table(self, names: list[str]) -> pa.Table:
        """A table of schema CLASS_STATS: the classes that have a label or a prediction."""
        counts = self._counts
        shown = np.flatnonzero((counts["images"] > 0) | (counts["predicted_images"] > 0))
        low, high = wilson_interval(counts["correct"], counts["images"])
        energy, half = self._energy()
        columns = {
            "class_idx": np.arange(len(names), dtype=np.int32),
            "name": np.array(names, dtype=object),
            **counts,
            "accuracy": _ratio(counts["correct"], counts["images"]),
            "accuracy_low": low,
            "accuracy_high": high,
            "mean_label_probability": self._mean("label_probability", "images"),
            "object_energy": energy,
            "object_energy_low": np.clip(energy - half, 0, 1),
            "object_energy_high": np.clip(energy + half, 0, 1),
            "object_area": self._mean("object_area", "masked_images"),
            "map_rows": np.full(len(names), self._grid[0], dtype=np.int32),
            "map_cols": np.full(len(names), self._grid[1], dtype=np.int32),
        }
        arrays = {
            name: pa.array(column[shown], from_pandas=True) for name, column in columns.items()
        }
        for name, mean_map in self._mean_maps().items():
            arrays[name] = pa.array(
                [None if np.isnan(row).any() else row for row in mean_map[shown].astype(np.float32)]
            )
        return pa.table(arrays, schema=CLASS_STATS)

    def _mean_maps(self) -> dict[str, npt.NDArray[np.float64]]:
        """Of shape (classes, cells); NaN where a class has none."""
        counts, whole = self._counts, deepcopy(self._correct_map)
        whole.merge(self._mistake_map)
        images, correct = counts["mean_map_images"][:, None], counts["correct_map_images"][:, None]
        return {
            "mean_map": _ratio(whole.compute(), images),
            "correct_map": _ratio(self._correct_map.compute(), correct),
            "mistake_map": _ratio(self._mistake_map.compute(), images - correct),
        }

    def confusion_table(self) -> pa.Table:
        """A table of schema CONFUSIONS, by label, then predicted."""
        rows = [
            {"label": label, "predicted": predicted, "images": images}
            for (label, predicted), images in sorted(self._confusions.items())
        ]
        return pa.Table.from_pylist(rows, CONFUSIONS)

    def _mean(self, name: str, count: str) -> npt.NDArray[np.float64]:
        return _ratio(self._sums[name].compute(), self._counts[count])

    def _energy(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Mean object energy and the half width of its interval (normal approximation)."""
        images = self._counts["masked_images"]
        mean = self._mean("object_energy", "masked_images")
        variance = np.maximum(self._mean("object_energy_squared", "masked_images") - mean**2, 0)
        return mean, Z_95 * np.sqrt(_ratio(variance, images - 1))


def _ratio(numerator: npt.NDArray[np.generic], count: Integers) -> npt.NDArray[np.float64]:
    """numerator / count, NaN where the count is not above 0."""
    return np.where(count > 0, numerator / np.maximum(count, 1), np.nan)
