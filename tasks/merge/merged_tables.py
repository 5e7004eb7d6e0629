"""From the tables of the shards to the tables of the whole dataset."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.merge.class_stats import ClassStats
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_table


def merge_class_stats(run: RunFolder, shards: int) -> None:
    """Write `class_stats` and `confusions` from all shards, one shard in memory."""
    facts = run.audit()
    model = facts["model"]
    stats = ClassStats(model["num_classes"], model["rows"], model["cols"])
    chosen = [("role", "=", "label"), ("method", "=", run.first_method())]
    for shard in range(shards):
        predictions = pq.read_table(run.table_file("predictions", shard)).to_pandas()
        maps = pq.read_table(run.table_file("heatmaps", shard), filters=chosen)
        raw = _matrix(maps["heatmap"], model["rows"] * model["cols"])
        scale = maps["scale"].to_numpy().astype(np.float64)
        numbers = maps.drop_columns(["heatmap"]).to_pandas()
        stats.update(predictions, numbers, raw * scale[:, None])
    write_table(run.table_file("class_stats"), stats.class_table(facts["classes"]))
    write_table(run.table_file("confusions"), stats.confusion_table())


def _matrix(column: pa.ChunkedArray, width: int) -> npt.NDArray[np.float64]:
    """A column of lists of `width` numbers as float64 of shape (rows, width)."""
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.astype(np.float64).reshape(-1, width)
