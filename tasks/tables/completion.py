"""The mark of a finished audit, and of what was measured on it."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from tasks.errors import AuditError
from tasks.tables.shards import Shard, valid_record
from tasks.tables.storage import RunFolder
from tasks.tables.table_names import ADDED_TABLES, BACKGROUND_TABLES, MERGED_TABLES
from tasks.tables.whole_files import is_whole, write_json, write_table


def mark_complete(run: RunFolder, shards: Sequence[Shard], second_pass: float) -> None:
    """Write complete.json, the last file of an audit.

    second_pass : its budget
    """
    content = {"shard_keys": shards_digest(shards), "second_pass": second_pass}
    write_json(run.complete_file, content)


def is_complete(run: RunFolder, shards: Sequence[Shard], second_pass: float) -> bool:
    """Whether the run folder holds the audit of these very shards with this budget, whole."""
    merged = all(is_whole(run.table_file(n)) for n in (*MERGED_TABLES, *BACKGROUND_TABLES))
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


def write_added(
    run: RunFolder, kind: str, tables: Iterable[tuple[str, pa.Table]], facts: dict[str, Any]
) -> None:
    """Add the tables of a later command, and its mark after them; an earlier addition goes first.

    kind : of ADDED_TABLES
    tables : with their names; one is in memory at a time where they are made one by one
    facts : content of the mark, with the `shard_keys` of the audit, from `audit_key`
    """
    remove_added(run, kind)
    for name, table in tables:
        write_table(run.table_file(name), table)
    write_json(run.added_file(kind), facts)


def added_facts(run: RunFolder, kind: str) -> dict[str, Any] | None:
    """Content of the mark; None where nothing was added, or not to its end."""
    try:
        facts: dict[str, Any] = json.loads(run.added_file(kind).read_text())
    except (OSError, ValueError):
        return None
    return facts


def remove_added(run: RunFolder, kind: str) -> None:
    """The mark goes first, so that no half of it is ever taken for all."""
    files = [run.added_file(kind), *(run.table_file(name) for name in ADDED_TABLES[kind])]
    for file in files:
        file.unlink(missing_ok=True)


def remove_added_to_others(run: RunFolder, shards: Sequence[Shard]) -> None:
    """Remove what was added to an audit of other shards than these."""
    for kind in ADDED_TABLES:
        if _stored(run.added_file(kind), "shard_keys") != shards_digest(shards):
            remove_added(run, kind)


def _stored(file: Path, key: str) -> Any:
    try:
        return json.loads(file.read_text())[key]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def shards_digest(shards: Sequence[Shard]) -> str:
    """What tells these shards from any others."""
    keys = "".join(shard.key for shard in shards)
    return hashlib.blake2b(keys.encode(), digest_size=16).hexdigest()
