"""Shards, and their records: the small files that say that their tables are whole."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.tables.storage import RunFolder, write_json


@dataclass(frozen=True)
class Shard:
    """A run of consecutive manifest rows, start <= image_id < stop; in the second pass, of rows
    of its plan.

    key : changes when anything changes that the shard's tables depend on
    stage : "shards" of the first pass, "tests" of the second
    """

    index: int
    start: int
    stop: int
    key: str
    stage: str = "shards"


def write_record(
    run: RunFolder, shard: Shard, files: list[Path], counts: Mapping[str, float]
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
    try:
        record: dict[str, Any] = json.loads(run.record_file(shard.stage, shard.index).read_text())
        if record["key"] != shard.key:
            return None
        whole = all(_fingerprint(run.root / name) == f for name, f in record["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return record if whole else None


def _fingerprint(file: Path) -> dict[str, Any]:
    content = file.read_bytes()
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    return {"bytes": len(content), "blake2b": digest}
