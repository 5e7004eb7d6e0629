"""The stored maps of the predicted classes."""

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from tasks.tables.storage import RunFolder

Map = npt.NDArray[np.float32]


def predicted_maps(run: RunFolder, image_ids: npt.NDArray[np.int64]) -> dict[int, Map]:
    """Raw maps of the audit's first method, float32 of shape (rows, cols), by image_id; images
    whose map is empty or not finite are left out."""
    chosen = (
        pc.field("image_id").isin(image_ids.tolist())
        & (pc.field("role") == "predicted")
        & (pc.field("state") == "ok")
        & (pc.field("method") == run.first_method())
    )
    columns = ["image_id", "rows", "cols", "scale", "heatmap"]
    table = run.dataset("heatmaps").to_table(columns=columns, filter=chosen).to_pydict()
    return {
        image_id: (np.array(cells, dtype=np.float32) * np.float32(scale)).reshape(rows, cols)
        for image_id, rows, cols, scale, cells in zip(*(table[n] for n in columns), strict=True)
    }
