"""What is known of the images that the second pass shows: their rows, and where their objects lie.

Read once, when the pass is planned, so that no shard searches the tables of the whole dataset.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.interventions.object_proxy import coarse_proxy
from tasks.tables.by_image import rows_of_images
from tasks.tables.schemas import MANIFEST
from tasks.tables.storage import RunFolder

Floats = npt.NDArray[np.float32]

# A row of the manifest, and the map of the label on the layer's grid; null where it tells nothing.
IMAGE_ROWS = pa.schema(
    [
        *MANIFEST,
        pa.field("label_map", pa.list_(pa.float32())),
        pa.field("rows", pa.int32()),
        pa.field("cols", pa.int32()),
    ]
)


def read_image_rows(run: RunFolder, image_ids: Iterable[int]) -> pa.Table:
    """Schema IMAGE_ROWS, one row per image, by image_id."""
    wanted = np.array(sorted(set(image_ids)), dtype=np.int64)
    manifest = rows_of_images(run, "manifest", MANIFEST.names, wanted).sort_by("image_id")
    of_label = (pc.field("role") == "label") & (pc.field("method") == run.first_method())
    columns = ["image_id", "heatmap", "rows", "cols"]
    maps = rows_of_images(run, "heatmaps", columns, wanted, of_label & (pc.field("state") == "ok"))
    place = pc.index_in(manifest["image_id"], value_set=maps["image_id"].combine_chunks())
    found = maps.take(place).rename_columns(["of_image", "label_map", "rows", "cols"])
    cells = {**_columns(manifest), **_columns(found.drop_columns("of_image"))}
    return pa.table({name: cells[name] for name in IMAGE_ROWS.names}).cast(IMAGE_ROWS)


def label_map(row: dict[str, Any]) -> Floats | None:
    """The map of the label, float32 of shape (rows, cols), of one row of schema IMAGE_ROWS."""
    if row["label_map"] is None:
        return None
    values = np.array(row["label_map"], dtype=np.float32)
    return values.reshape(row["rows"], row["cols"])


def object_cells(run: RunFolder, image_rows: pa.Table) -> dict[int, Floats]:
    """By image_id, the object's share of each cell of the layer's grid, float32 of shape (cells,),
    from mask or box, else from the proxy; zeros where there is none.

    image_rows : schema IMAGE_ROWS
    """
    stored = rows_of_images(
        run, "cells", ["image_id", "coverage"], image_rows["image_id"].to_numpy()
    )
    given = dict(zip(stored["image_id"].to_pylist(), stored["coverage"].to_pylist(), strict=True))
    nothing = np.zeros(stored.schema.field("coverage").type.list_size, np.float32)
    cells = {}
    for row in image_rows.select(["image_id", "label_map", "rows", "cols"]).to_pylist():
        coverage, map_of_label = given.get(row["image_id"]), label_map(row)
        if coverage is None and map_of_label is not None:
            coverage = coarse_proxy(map_of_label)
        own = nothing if coverage is None else np.asarray(coverage, np.float32).reshape(-1)
        cells[row["image_id"]] = own
    return cells


def _columns(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(table.column_names, table.columns, strict=True))
