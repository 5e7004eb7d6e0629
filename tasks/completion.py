"""The mark of a finished audit."""

import hashlib
import json

from tasks.plan import Plan
from tasks.records import valid_record
from tasks.storage import MERGED_TABLES, write_json


def mark_complete(plan: Plan) -> None:
    """Write complete.json, the last file of an audit."""
    write_json(plan.run.complete_file, {"shard_keys": _digest(plan)})


def is_complete(plan: Plan) -> bool:
    """Whether the run folder holds this very audit, whole."""
    run = plan.run
    try:
        complete = json.loads(run.complete_file.read_text())
    except (OSError, ValueError):
        return False
    merged = all(run.table_file(name).exists() for name in MERGED_TABLES)
    return bool(
        complete.get("shard_keys") == _digest(plan)
        and merged
        and run.report_file.exists()
        and all(valid_record(run, shard) is not None for shard in plan.shards)
    )


def _digest(plan: Plan) -> str:
    keys = "".join(shard.key for shard in plan.shards)
    return hashlib.blake2b(keys.encode(), digest_size=16).hexdigest()
