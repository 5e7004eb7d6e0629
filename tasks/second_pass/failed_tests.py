"""A shard of the second pass that failed for good: its images count as not tested."""

from dataclasses import replace

import pyarrow.parquet as pq

from tasks.tables.background_schemas import EVIDENCE
from tasks.tables.shards import Shard, write_record
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_table


def write_failed_tests(run: RunFolder, shard: Shard, reason: str) -> None:
    """Write `evidence` without rows. The record has a key that no plan has, so that the next call
    of the audit tries the shard again.

    reason : of the failure, in words; stands in the record and in second_pass.json
    """
    file = run.table_file("evidence", shard.index)
    write_table(file, EVIDENCE.empty_table())
    images = pq.read_metadata(run.partial_file("tests", shard.index)).num_rows
    counts = {"images": images, "tested": 0, "forwards": 0, "seconds": 0.0}
    write_record(
        run, replace(shard, key=f"failed {shard.key}"), [file], {**counts, "error": reason}
    )
