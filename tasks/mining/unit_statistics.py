"""What each unit and each layer does over all images: `unit_stats` and `layer_stats`."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.mining.layers import MinedLayer
from tasks.mining.peak_stats import PeakStats
from tasks.mining.shard_peaks import ShardPeaks, matrix
from tasks.mining.unit_stats import UnitStats
from tasks.tables.unit_schemas import LAYER_STATS, UNIT_STATS


def peak_stats(peaks: ShardPeaks, layers: list[MinedLayer]) -> PeakStats:
    """The statistics of the peaks over all shards."""
    stats = PeakStats(layers[-1].stop, len(peaks.images.classes))
    for shard in peaks.shards("activation"):
        stats.update(shard.columns[0], shard.group)
    return stats


def unit_stats(peaks: ShardPeaks, layers: list[MinedLayer], stats: PeakStats) -> pa.Table:
    """A table of UNIT_STATS. Of spatial means only those of the target layer are stored."""
    target, units = layers[0], layers[-1].stop
    columns: dict[str, Any] = {
        **_pooled_stats(peaks, target.channels).compute(),
        "images": np.full(units, stats.images),
        **stats.compute(),
        "target_layer": np.repeat([layer.name for layer in layers], [la.channels for la in layers]),
        "unit": np.concatenate([np.arange(layer.channels) for layer in layers]),
    }
    arrays = []
    for field in UNIT_STATS:
        column = pa.array(columns[field.name], from_pandas=True).cast(field.type)
        missing = pa.nulls(units - len(column), field.type)
        if field.name == "selective_class_idx":
            missing = missing.fill_null(-1)
        arrays.append(pa.concat_arrays([column, missing]))
    return pa.table(arrays, schema=UNIT_STATS)


def layer_stats(layers: list[MinedLayer], stats: PeakStats) -> pa.Table:
    """A table of LAYER_STATS."""
    seen = stats.images > 0
    silent = [stats.silent[layer.start : layer.stop] for layer in layers]
    columns = {
        "target_layer": [layer.name for layer in layers],
        "units": [layer.channels for layer in layers],
        "images": [stats.images] * len(layers),
        "dead_units": [int((s == stats.images).sum()) if seen else None for s in silent],
        "sparsity": [float(s.mean() / stats.images) if seen else None for s in silent],
    }
    return pa.table(columns, schema=LAYER_STATS)


def _pooled_stats(peaks: ShardPeaks, channels: int) -> UnitStats:
    labels = peaks.images.label
    stats = UnitStats(channels, int(labels.max(initial=-1)) + 1)
    for shard in range(peaks.count):
        table = pq.read_table(peaks.run.table_file("features", shard), columns=["label", "pooled"])
        own = table["label"].to_numpy().astype(np.int64)
        stats.update(matrix(table["pooled"]).astype(np.float64), own)
    return stats
