"""A shard that failed for good: its images stand in `failures`, and the others are audited."""

from dataclasses import asdict, replace

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.explain.shard_files import write_shard_tables
from tasks.images.inputs import Failure
from tasks.tables.schemas import FAILURES, SHARD_STAGE
from tasks.tables.shards import Shard, write_record
from tasks.tables.storage import RunFolder


def write_failed_shard(run: RunFolder, shard: Shard, reason: str) -> None:
    """Write the tables of a shard without an explained image: all its images are failures.

    Its record has a key that no plan has, so that the next call of the audit tries it again.

    reason : of every image's failure, in words
    """
    manifest = run.table_file("manifest", shard.index)
    rows = pq.read_table(manifest, columns=["image_id", "uri"]).to_pylist()
    failures = [asdict(Failure(row["image_id"], row["uri"], SHARD_STAGE, reason)) for row in rows]
    tables = {"failures": pa.Table.from_pylist(failures, FAILURES)}
    files = write_shard_tables(run, shard.index, run.audit()["model"], tables)
    counts = {"images": len(rows), "failed": len(rows)}
    write_record(run, replace(shard, key=f"failed {shard.key}"), [manifest, *files], counts)
