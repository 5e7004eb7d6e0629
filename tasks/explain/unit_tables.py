"""Strongest activations as rows of `units`, with receptive fields, and back."""

import numpy as np
import pyarrow as pa

from cam_kernels.layers.receptive_field import ReceptiveField
from tasks.explain.strongest_units import StrongestUnits
from tasks.images.geometry import Placement
from tasks.tables.schemas import UNITS

POSITION = ("row", "col")
FIELD = ("rf_top", "rf_left", "rf_bottom", "rf_right")


def units_with_fields(
    strongest: StrongestUnits,
    field: ReceptiveField | None,
    placements: dict[int, Placement],
) -> StrongestUnits:
    """Add the receptive-field box of each entry, in pixels of its original image.

    field : None stands for all that the model saw
    placements : by image_id, of all images in `strongest`
    """
    units, entries = strongest.activation.shape
    boxes = np.zeros((units, entries, 4), dtype=np.int32)
    for image_id, placement in placements.items():
        here = strongest.image_id == image_id
        rows, cols = strongest.columns["row"][here], strongest.columns["col"][here]
        if field is None:
            in_crop = np.tile([0, 0, placement.crop, placement.crop], (len(rows), 1))
        else:
            in_crop = np.stack(field.box(rows, cols), axis=1)
        boxes[here] = placement.to_image(in_crop)
    extended = StrongestUnits(units, strongest.top_k, POSITION + FIELD)
    columns = {**strongest.columns, **{n: boxes[:, :, i] for i, n in enumerate(FIELD)}}
    extended.update(strongest.activation, strongest.image_id, columns)
    return extended


def units_table(strongest: StrongestUnits, target_layer: str) -> pa.Table:
    """Rows of `units`, unit by unit, strongest first."""
    units, entries = strongest.activation.shape
    flat = {name: column.reshape(-1) for name, column in strongest.columns.items()}
    return pa.table(
        {
            "target_layer": pa.repeat(target_layer, units * entries),
            "unit": np.repeat(np.arange(units, dtype=np.int32), entries),
            "class_idx": np.full(units * entries, -1, dtype=np.int32),
            "rank": np.tile(np.arange(entries, dtype=np.int32), units),
            "image_id": strongest.image_id.reshape(-1),
            "activation": strongest.activation.reshape(-1),
            **flat,
        },
        schema=UNITS,
    )


def read_units(table: pa.Table, units: int, top_k: int) -> StrongestUnits:
    """The inverse of `units_table`."""
    strongest = StrongestUnits(units, top_k, POSITION + FIELD)

    def column(name: str) -> np.ndarray:
        values: np.ndarray = table[name].to_numpy().reshape(units, -1)
        return values

    columns = {name: column(name) for name in POSITION + FIELD}
    strongest.update(column("activation"), column("image_id"), columns)
    return strongest
