"""From the tables of the shards to the tables of the whole dataset."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.explain.strongest_units import StrongestUnits
from tasks.explain.unit_tables import FIELD, POSITION, read_units, units_table
from tasks.merge.class_stats import ClassStats
from tasks.merge.unit_stats import UnitStats
from tasks.tables.storage import RunFolder, write_table


def merge_units(run: RunFolder, shards: int) -> None:
    """Write `units`: the strongest activations over all shards."""
    facts = run.audit()
    units, top_k = facts["model"]["channels"], facts["config"]["unit_top_k"]
    strongest = StrongestUnits(units, top_k, POSITION + FIELD)
    for shard in range(shards):
        partial = pq.read_table(run.partial_file("units", shard))
        strongest.merge(read_units(partial, units, top_k))
    write_table(run.table_file("units"), units_table(strongest, facts["model"]["target_layer"]))


def merge_unit_stats(run: RunFolder, shards: int) -> None:
    """Write `unit_stats` from the pooled features of all shards, one shard in memory."""
    model = run.audit()["model"]
    stats = UnitStats(model["channels"], model["num_classes"])
    for shard in range(shards):
        table = pq.read_table(run.table_file("features", shard))
        labels = table["label"].to_numpy().astype(np.int64)
        stats.update(_matrix(table["pooled"], model["channels"]), labels)
    write_table(run.table_file("unit_stats"), stats.compute(model["target_layer"]))


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
