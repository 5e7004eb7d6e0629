"""The mark of a finished audit."""

import hashlib
import json
from collections.abc import Sequence

from tasks.tables.shards import Shard, valid_record
from tasks.tables.storage import MERGED_TABLES, RunFolder, write_json


def mark_complete(run: RunFolder, shards: Sequence[Shard]) -> None:
    """Write complete.json, the last file of an audit."""
    write_json(run.complete_file, {"shard_keys": _digest(shards)})


def is_complete(run: RunFolder, shards: Sequence[Shard]) -> bool:
    """Whether the run folder holds the audit of these very shards, whole."""
    try:
        complete = json.loads(run.complete_file.read_text())
    except (OSError, ValueError):
        return False
    merged = all(run.table_file(name).exists() for name in MERGED_TABLES)
    return bool(
        complete.get("shard_keys") == _digest(shards)
        and merged
        and run.report_file.exists()
        and all(valid_record(run, shard) is not None for shard in shards)
    )


def _digest(shards: Sequence[Shard]) -> str:
    keys = "".join(shard.key for shard in shards)
    return hashlib.blake2b(keys.encode(), digest_size=16).hexdigest()
