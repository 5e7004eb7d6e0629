"""Rows of `units` and `units_least`, written as they are made."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.images.geometry import boxes_in_images, place
from tasks.mining.layers import MinedLayer, layer_of_unit
from tasks.mining.shard_peaks import AuditedImages
from tasks.mining.strongest_images import StrongestImages, entries_of
from tasks.tables.unit_schemas import UNITS

_ROWS_AT_ONCE = 2**18

Ints = npt.NDArray[np.int64]


class UnitRows:
    """Turns entries into rows of schema UNITS.

    resize, crop : pixels, of the audit's preprocessing
    """

    def __init__(
        self, images: AuditedImages, layers: list[MinedLayer], resize: int, crop: int
    ) -> None:
        self._images, self._layers, self._crop = images, layers, crop
        sizes, self._of_size = np.unique(images.size, axis=0, return_inverse=True)
        placed = [place(int(w), int(h), resize, crop) for w, h in sizes]
        fields = [list(vars(placement).values()) for placement in placed]
        self._placements = np.array(fields, dtype=np.int64).reshape(-1, 7)

    def tables(
        self,
        strongest: StrongestImages,
        classes: npt.NDArray[np.int64],
        units: slice,
        negated: bool = False,
    ) -> Iterator[pa.Table]:
        """Rows of a run of units, by unit, class and rank.

        strongest : computed, of these units; classes : class_idx of its groups
        negated : its activations have the other sign
        """
        groups, width, top_k = strongest.keys.shape
        step = max(1, _ROWS_AT_ONCE // max(1, groups * top_k))
        for start in range(0, width, step):
            part = slice(start, start + step)
            keys = strongest.keys[:, part].swapaxes(0, 1)
            activation, image_id, there = entries_of(keys)
            unit, group, rank = np.nonzero(there)
            yield self._table(
                unit + start + units.start,
                classes[group],
                rank,
                image_id[there],
                -activation[there] + np.float32(0) if negated else activation[there],
                strongest.cells[:, part].swapaxes(0, 1)[there].astype(np.int64),
            )

    def _table(
        self,
        unit: Ints,
        class_idx: Ints,
        rank: Ints,
        image_id: Ints,
        activation: npt.NDArray[np.float32],
        cell: Ints,
    ) -> pa.Table:
        of_layer = layer_of_unit(self._layers, unit)
        cols = np.array([layer.cols for layer in self._layers])[of_layer]
        starts = np.array([layer.start for layer in self._layers])[of_layer]
        row, col = cell // cols, cell % cols
        boxes = self._boxes(of_layer, row, col, image_id)
        names = pa.array([layer.name for layer in self._layers])
        columns = {
            "target_layer": pa.DictionaryArray.from_arrays(of_layer, names).cast(pa.string()),
            "unit": unit - starts,
            "class_idx": class_idx,
            "rank": rank,
            "image_id": image_id,
            "activation": activation,
            "row": row,
            "col": col,
            **{name: boxes[:, i] for i, name in enumerate(UNITS.names[-4:])},
        }
        arrays = [pa.array(columns[field.name]).cast(field.type) for field in UNITS]
        return pa.table(arrays, schema=UNITS)

    def _boxes(self, of_layer: Ints, row: Ints, col: Ints, image_id: Ints) -> npt.NDArray[np.int32]:
        in_crop = np.empty((len(row), 4), dtype=np.int64)
        for number, layer in enumerate(self._layers):
            here = of_layer == number
            if layer.field is None:
                in_crop[here] = 0, 0, self._crop, self._crop
            else:
                in_crop[here] = np.stack(layer.field.box(row[here], col[here]), axis=1)
        placed = self._of_size.reshape(-1)[self._images.places(image_id)]
        return boxes_in_images(in_crop, self._placements[placed])
