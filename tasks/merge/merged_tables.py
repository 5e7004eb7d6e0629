"""From the tables of the shards to the tables of the whole dataset."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.merge.class_features import ClassFeatures
from tasks.merge.class_stats import ClassStats
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_table

_PREDICTIONS = ["image_id", "label", "predicted", "correct", "label_probability"]
_MAPS = [
    "image_id", "class_idx", "state", "scale", "object_energy", "object_area", "pointing_hit",
    "heatmap",
]  # fmt: skip


def merge_class_stats(run: RunFolder, shards: int) -> None:
    """Write `class_stats`, `confusions` and `class_features` from all shards, one shard in
    memory."""
    facts = run.audit()
    model = facts["model"]
    stats = ClassStats(model["num_classes"], model["rows"], model["cols"])
    features = ClassFeatures(model["num_classes"])
    chosen = [("role", "=", "label"), ("method", "=", run.first_method())]
    for shard in range(shards):
        predictions = _read(run, "predictions", shard, _PREDICTIONS).to_pandas()
        maps = _read(run, "heatmaps", shard, _MAPS, chosen)
        raw = _matrix(maps["heatmap"]) * maps["scale"].to_numpy().astype(np.float64)[:, None]
        stats.update(predictions, maps.drop_columns(["heatmap"]).to_pandas(), raw)
        pooled = _read(run, "features", shard, ["image_id", "pooled"])
        features.update(predictions, pooled["image_id"].to_numpy(), _matrix(pooled["pooled"]))
    write_table(run.table_file("class_stats"), stats.class_table(facts["classes"]))
    write_table(run.table_file("confusions"), stats.confusion_table())
    write_table(run.table_file("class_features"), features.table())


def _read(
    run: RunFolder,
    name: str,
    shard: int,
    columns: list[str],
    chosen: list[tuple[str, str, str]] | None = None,
) -> pa.Table:
    return pq.read_table(run.table_file(name, shard), columns=columns, filters=chosen)


def _matrix(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """A column of lists of as many numbers each as float64 of shape (rows, numbers)."""
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.astype(np.float64).reshape(len(column), column.type.list_size)
