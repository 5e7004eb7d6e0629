"""Shards that are copies of computed ones under their own ids: volume without the first pass."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.index.plan import Plan
from tasks.tables.shards import Shard, write_record
from tasks.tables.whole_files import write_table


def copy_shards(plan: Plan, computed: Sequence[Shard], others: Sequence[Shard]) -> None:
    """Write the tables and records of `others`, each as what one of `computed` holds, in turn."""
    random = np.random.default_rng(0)
    for place, shard in enumerate(others):
        source = computed[place % len(computed)]
        ids = plan.manifest["image_id"].slice(shard.start, shard.stop - shard.start).to_numpy()
        files = []
        for file in _files(plan.run.root, source):
            files.append(file.with_stem(f"shard-{shard.index:05d}"))
            write_table(files[-1], _under_ids(pq.read_table(file), ids, source.start, random))
        manifest = plan.run.table_file("manifest", shard.index)
        write_record(plan.run, shard, [manifest, *files], {"images": len(ids), "failed": 0})


def _files(root: Path, shard: Shard) -> list[Path]:
    return [
        file
        for kind in ("tables", "partials")
        for file in (root / kind).glob(f"*/shard-{shard.index:05d}.parquet")
        if file.parent.name != "manifest"
    ]


def _under_ids(
    table: pa.Table, ids: np.ndarray, start: int, random: np.random.Generator
) -> pa.Table:
    columns = {name: table[name] for name in table.column_names}
    if "image_id" in columns:
        place = table["image_id"].to_numpy() - start
        table = table.filter(pa.array(place < len(ids)))
        place = place[place < len(ids)]
        columns = {name: table[name] for name in table.column_names}
        columns["image_id"] = pa.array(ids[place], table.schema.field("image_id").type)
    if "perceptual_hash" in columns:  # no near-duplicates, but bits as few as the pictures have
        hashes = random.integers(0, 2**64, len(table), dtype=np.uint64)
        hashes &= np.bitwise_or.reduce(table["perceptual_hash"].to_numpy())
        columns["perceptual_hash"] = pa.array(hashes)
    return pa.table(columns, schema=table.schema)
