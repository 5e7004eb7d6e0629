"""Shards, and their records: the small files that say that their tables are whole."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_json


@dataclass(frozen=True)
class Shard:
    """A run of consecutive rows of the manifest as it is planned, start <= row < stop; in the
    second pass, of rows of its plan. Rows are not ids: those of removed images are missing.

    key : changes when anything changes that the shard's tables depend on
    stage : "shards" of the first pass, "tests" of the second
    """

    index: int
    start: int
    stop: int
    key: str
    stage: str = "shards"


def write_record(
    run: RunFolder, shard: Shard, files: list[Path], counts: Mapping[str, Any]
) -> dict[str, Any]:
    """Note that a shard is done, after all its files have their final names."""
    record = {
        "shard": shard.index,
        "key": shard.key,
        **counts,
        "files": {str(f.relative_to(run.root)): _fingerprint(f) for f in files},
    }
    write_json(run.record_file(shard.stage, shard.index), record)
    return record


def valid_record(run: RunFolder, shard: Shard) -> dict[str, Any] | None:
    """The shard's record if it is for this key and every file is as it was written."""
    record = read_record(run, run.record_file(shard.stage, shard.index))
    return record if record is not None and record["key"] == shard.key else None


def read_record(run: RunFolder, file: Path) -> dict[str, Any] | None:
    """The record in `file` if every file that it names is as it was written.

    That is told by size and time of the last change, as make and git do: a hard link has both in
    common with its origin. Where they do not tell, the file is read: a copy has another time, and
    a file as young as its record could have been changed in the same tick of the clock.
    """
    try:
        written = file.stat().st_mtime_ns
        record: dict[str, Any] = json.loads(file.read_text())
        whole = "key" in record and all(
            _is_as_written(run.root / name, fingerprint, written)
            for name, fingerprint in record["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return record if whole else None


def _is_as_written(file: Path, fingerprint: dict[str, Any], recorded: int) -> bool:
    status = file.stat()
    if status.st_size != fingerprint["bytes"]:
        return False
    if status.st_mtime_ns == fingerprint.get("mtime_ns") and status.st_mtime_ns < recorded:
        return True
    return bool(_digest(file) == fingerprint["blake2b"])


def _fingerprint(file: Path) -> dict[str, Any]:
    status = file.stat()
    return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "blake2b": _digest(file)}


def _digest(file: Path) -> str:
    return hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest()
