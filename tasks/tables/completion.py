"""The mark of a finished audit, and of what was measured on it."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.errors import AuditError
from tasks.tables.shards import Shard, valid_record
from tasks.tables.storage import FAITHFULNESS_TABLES, MERGED_TABLES, RunFolder, write_json


def mark_complete(run: RunFolder, shards: Sequence[Shard]) -> None:
    """Write complete.json, the last file of an audit."""
    write_json(run.complete_file, {"shard_keys": _digest(shards)})


def is_complete(run: RunFolder, shards: Sequence[Shard]) -> bool:
    """Whether the run folder holds the audit of these very shards, whole."""
    merged = all(run.table_file(name).exists() for name in MERGED_TABLES)
    return bool(
        _stored_key(run.complete_file) == _digest(shards)
        and merged
        and run.report_file.exists()
        and all(valid_record(run, shard) is not None for shard in shards)
    )


def audit_key(run: RunFolder) -> str:
    """What tells the finished audit in this folder from any other.

    Raises: AuditError where no audit has finished.
    """
    run.audit()
    key = _stored_key(run.complete_file)
    if key is None:
        raise AuditError(
            f"the audit in {run.root} has not finished; expected {run.complete_file.name} in it. "
            "Run the same 'camaudit run' command again; it goes on where it stopped"
        )
    return key


def mark_faithfulness(run: RunFolder, facts: dict[str, Any]) -> None:
    """Write faithfulness.json, after its tables.

    facts : with the `shard_keys` of the audit that was measured, from `audit_key`
    """
    write_json(run.faithfulness_file, facts)


def remove_faithfulness(run: RunFolder) -> None:
    """Remove what was measured, the mark first, so that no half of it is ever taken for all."""
    for file in (run.faithfulness_file, *(run.table_file(name) for name in FAITHFULNESS_TABLES)):
        file.unlink(missing_ok=True)


def remove_faithfulness_of_others(run: RunFolder, shards: Sequence[Shard]) -> None:
    """The same, unless it was measured on the audit of these very shards."""
    if _stored_key(run.faithfulness_file) != _digest(shards):
        remove_faithfulness(run)


def _stored_key(file: Path) -> str | None:
    try:
        return str(json.loads(file.read_text())["shard_keys"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _digest(shards: Sequence[Shard]) -> str:
    keys = "".join(shard.key for shard in shards)
    return hashlib.blake2b(keys.encode(), digest_size=16).hexdigest()
