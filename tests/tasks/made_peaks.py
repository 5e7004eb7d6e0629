"""A run folder with peaks of images that never were: all that the mining reads, cut at will."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.tables.schemas import features_schema
from tasks.tables.storage import RunFolder
from tasks.tables.unit_schemas import peaks_schema
from tasks.tables.whole_files import write_json, write_table

TARGET = {"name": "deep", "channels": 5, "rows": 3, "cols": 4}
OTHER = {"name": "early", "channels": 3, "rows": 6, "cols": 8}
TARGET_FIELD = {"start": [-3, -2], "size": [9, 7], "jump": [8, 6]}


@dataclass(frozen=True)
class MadePeaks:
    """The columns of `peaks`, of the sizes of the images, and of the pooled features."""

    image_id: np.ndarray
    label: np.ndarray
    perceptual_hash: np.ndarray
    mean_colour: np.ndarray
    activation: np.ndarray
    cell: np.ndarray
    contribution: np.ndarray
    contribution_scale: np.ndarray
    size: np.ndarray
    pooled: np.ndarray


def make_peaks(seed: int, count: int, classes: int = 3, ties: bool = True) -> MadePeaks:
    """Peaks of two layers; many are equal, some images are near-duplicates of others."""
    rng = np.random.default_rng(seed)
    units = TARGET["channels"] + OTHER["channels"]
    activation = rng.integers(-2, 3, (count, units)) if ties else rng.normal(1, 2, (count, units))
    cells = [rng.integers(0, la["rows"] * la["cols"], (count, la["channels"]))
             for la in (TARGET, OTHER)]  # fmt: skip
    hashes = rng.integers(1, 2**62, count, dtype=np.uint64)
    for i in range(1, count):
        if rng.random() < 0.3:  # two bits from an earlier image
            flipped = sum(1 << int(bit) for bit in rng.choice(64, 2, replace=False))
            hashes[i] = hashes[rng.integers(0, i)] ^ np.uint64(flipped)
    return MadePeaks(
        image_id=np.sort(rng.permutation(3 * count)[:count]).astype(np.int32),
        label=rng.integers(-1, classes, count).astype(np.int32),
        perceptual_hash=hashes,
        mean_colour=np.full((count, 3), 100, dtype=np.uint8),
        activation=activation.astype(np.float32),
        cell=np.concatenate(cells, axis=1).astype(np.uint16),
        contribution=rng.normal(size=(count, TARGET["channels"])).astype(np.float16),
        contribution_scale=rng.uniform(0.5, 2, count).astype(np.float32),
        size=rng.integers(20, 90, (count, 2)).astype(np.int32),
        pooled=rng.normal(size=(count, TARGET["channels"])).astype(np.float16),
    )


def facts(unit_top_k: int, layers: Sequence[dict[str, Any]] = (TARGET, OTHER)) -> dict[str, Any]:
    """What the mining asks of audit.json: the target layer sees a box, the other everything."""
    fields = [TARGET_FIELD] + [None] * (len(layers) - 1)
    listed = [{**la, "receptive_field": f} for la, f in zip(layers, fields, strict=True)]
    return {
        "model": {"unit_layers": listed},
        "config": {"unit_top_k": unit_top_k},
        "preprocessing": {"resize": 32, "crop": 28},
    }


def write_shard(run: RunFolder, shard: int, peaks: MadePeaks, rows: np.ndarray) -> None:
    """Some images of `peaks` as one shard."""
    units, channels = peaks.activation.shape[1], peaks.pooled.shape[1]
    lists = ("mean_colour", "activation", "cell", "contribution")
    schema = peaks_schema(units, channels, 48)
    columns = {name: getattr(peaks, name)[rows] for name in schema.names}
    columns |= {name: _lists(columns[name]) for name in lists}
    write_table(run.partial_file("peaks", shard), pa.table(columns, schema=schema))
    size = peaks.size[rows]
    sizes = {"width": size[:, 0], "height": size[:, 1]}
    write_table(run.table_file("predictions", shard), pa.table(sizes))
    empty = _lists(np.zeros((len(rows), channels), dtype=np.float16))
    columns = {
        "image_id": columns["image_id"], "label": columns["label"],
        "target_layer": pa.repeat("deep", len(rows)), "pooled": _lists(peaks.pooled[rows]),
        "evidence": empty,
    }  # fmt: skip
    write_table(
        run.table_file("features", shard), pa.table(columns, schema=features_schema(channels))
    )


def write_made_run(
    root: Path, peaks: MadePeaks, cuts: Sequence[np.ndarray], unit_top_k: int
) -> RunFolder:
    """A run folder whose shard i holds the images `cuts[i]`, in that order."""
    run = RunFolder(root)
    write_json(run.audit_file, facts(unit_top_k))
    for shard, rows in enumerate(cuts):
        write_shard(run, shard, peaks, rows)
    return run


def _lists(values: np.ndarray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(values.reshape(-1), values.shape[1])
