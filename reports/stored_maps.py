"""The maps of a few images, fetched from tables that need not fit in memory."""

from collections.abc import Iterable

import numpy as np
import pyarrow.compute as pc

from reports.colours import Map
from tasks.tables.by_image import rows_of_images
from tasks.tables.storage import RunFolder

MapKey = tuple[int, str]  # image_id, role; '' for the image alone


def fetch_maps(run: RunFolder, wanted: Iterable[MapKey]) -> dict[MapKey, Map]:
    """The raw maps of (image_id, role) by the first method, float32 of shape (rows, cols).

    Empty and non-finite maps are no evidence and are left out.
    """
    keys = set(wanted)
    if not keys:
        return {}
    ids = np.unique(np.array([image_id for image_id, _ in keys], np.int64))
    shown = (pc.field("state") == "ok") & (pc.field("method") == run.first_method())
    columns = ["image_id", "role", "rows", "cols", "scale", "heatmap"]
    maps: dict[MapKey, Map] = {}
    for batch in rows_of_images(run, "heatmaps", columns, ids, shown).to_batches():
        if not batch.num_rows:
            continue
        cells = batch["heatmap"].flatten().to_numpy(zero_copy_only=False)
        grids = cells.astype(np.float32).reshape(batch.num_rows, -1)
        numbers = batch.drop_columns(["heatmap"]).to_pylist()
        for row, grid in zip(numbers, grids, strict=True):
            key = (row["image_id"], row["role"])
            if key in keys:
                maps[key] = grid.reshape(row["rows"], row["cols"]) * np.float32(row["scale"])
    return maps
