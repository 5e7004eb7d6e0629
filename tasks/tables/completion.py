"""The mark of a finished audit, and of what was measured on it."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.errors import AuditError
from tasks.tables.shards import Shard, valid_record
from tasks.tables.storage import (
    BACKGROUND_TABLES,
    FAITHFULNESS_TABLES,
    MERGED_TABLES,
    RunFolder,
    write_json,
)


def mark_complete(run: RunFolder, shards: Sequence[Shard], second_pass: float) -> None:
    """Write complete.json, the last file of an audit.

    second_pass : its budget
    """
    content = {"shard_keys": shards_digest(shards), "second_pass": second_pass}
    write_json(run.complete_file, content)


def is_complete(run: RunFolder, shards: Sequence[Shard], second_pass: float) -> bool:
    """Whether the run folder holds the audit of these very shards with this budget, whole."""
    merged = all(run.table_file(n).exists() for n in (*MERGED_TABLES, *BACKGROUND_TABLES))
    return bool(
        _stored(run.complete_file, "shard_keys") == shards_digest(shards)
        and _stored(run.complete_file, "second_pass") == second_pass
        and merged
        and run.report_file.exists()
        and all(valid_record(run, shard) is not None for shard in shards)
    )


def audit_key(run: RunFolder) -> str:
    """What tells the finished audit in this folder from any other.

    Raises: AuditError where no audit has finished.
    """
    run.audit()
    key = _stored(run.complete_file, "shard_keys")
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
    if _stored(run.faithfulness_file, "shard_keys") != shards_digest(shards):
        remove_faithfulness(run)


def _stored(file: Path, key: str) -> Any:
    try:
        return json.loads(file.read_text())[key]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def shards_digest(shards: Sequence[Shard]) -> str:
    """What tells these shards from any others."""
    keys = "".join(shard.key for shard in shards)
    return hashlib.blake2b(keys.encode(), digest_size=16).hexdigest()
