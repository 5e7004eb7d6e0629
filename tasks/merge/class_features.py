"""Where the images of each class lie among the features."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from tasks.statistics.exact_sum import ExactSum
from tasks.tables.schemas import CLASS_FEATURES


class ClassFeatures:
    """Running means per class of the pooled features of correct images, the same in
    whatever order they arrive. Features that are not finite are left out.

    num_classes : outputs of the model
    """

    def __init__(self, num_classes: int) -> None:
        self._images = np.zeros(num_classes, dtype=np.int64)
        self._sums: ExactSum | None = None  # once it is known how many units there are

    def update(
        self,
        predictions: pd.DataFrame,
        image_id: npt.NDArray[np.int64],
        pooled: npt.NDArray[np.float64],
    ) -> None:
        """Take in some images.

        predictions : columns of PREDICTIONS
        image_id : int64, shape (N,), of the features; pooled : float64, shape (N, K)
        """
        if self._sums is None:
            self._sums = ExactSum((len(self._images), pooled.shape[1]))
        right = predictions[(predictions["label"] >= 0) & predictions["correct"].eq(True)]
        label = right.set_index("image_id")["label"].reindex(image_id, fill_value=-1).to_numpy()
        kept = (label >= 0) & np.isfinite(pooled).all(axis=1)
        self._images += np.bincount(label[kept], minlength=len(self._images))
        self._sums.update_rows(label[kept], pooled[kept])

    def table(self) -> pa.Table:
        """A table of schema CLASS_FEATURES: the classes that have such images."""
        present = np.flatnonzero(self._images)
        if self._sums is None or not len(present):
            return CLASS_FEATURES.empty_table()
        means = self._sums.compute()[present] / self._images[present, None]
        columns = {
            "class_idx": present.astype(np.int32),
            "images": self._images[present],
            "pooled": list(means.astype(np.float32)),
        }
        return pa.table(columns, schema=CLASS_FEATURES)
