"""What is taken over from an earlier audit: links to its files, instead of computing them again."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tasks.tables.completion import is_complete
from tasks.tables.links import link_file
from tasks.tables.shards import Shard, read_record, valid_record
from tasks.tables.storage import RunFolder
from tasks.tables.table_names import ADDED_TABLES
from tasks.tables.whole_files import write_json

# All of a finished audit but what speaks of this very run.
_FOLDERS = ("tables", "partials", "records", "report")
_FILES = ("first_pass.json", "second_pass.json", *(f"{kind}.json" for kind in ADDED_TABLES))


def take_over(
    run: RunFolder, shards: Sequence[Shard], second_pass: float, earlier: RunFolder
) -> None:
    """Link all that `earlier` holds if it is the finished audit of these very shards, with the same
    budget of the second pass; otherwise the shards that are the same.

    Raises: AuditError where files cannot be linked.
    """
    if is_complete(earlier, shards, second_pass):
        _take_run(run, earlier)
    else:
        take_shards(run, shards, earlier)


def take_shards(run: RunFolder, shards: Iterable[Shard], earlier: RunFolder) -> None:
    """Link the files of every shard that `earlier` holds whole under the same key, if it is not
    done already; its record, written last, says where they are from.

    Raises: AuditError where files cannot be linked.
    """
    missing = [shard for shard in shards if valid_record(run, shard) is None]
    if not missing:
        return
    files = _records_by_key(earlier, missing[0].stage)
    for shard in missing:
        record = read_record(earlier, files[shard.key]) if shard.key in files else None
        if record is not None:
            _take(run, shard, earlier, record)


def _records_by_key(earlier: RunFolder, stage: str) -> dict[str, Path]:
    found = {}
    for file in earlier.record_file(stage, 0).parent.glob("shard-*.json"):
        try:
            found[str(json.loads(file.read_text())["key"])] = file
        except (OSError, ValueError, KeyError, TypeError):
            continue  # no record: nothing is taken
    return found


def _take(run: RunFolder, shard: Shard, earlier: RunFolder, record: dict[str, Any]) -> None:
    files = {}
    for name, fingerprint in record["files"].items():
        own = Path(name).with_stem(run.record_file(shard.stage, shard.index).stem)
        link_file(earlier.root / name, run.root / own)
        files[str(own)] = fingerprint
    taken = {"shard": shard.index, "taken_from": str(earlier.root), "files": files}
    write_json(run.record_file(shard.stage, shard.index), record | taken)


def _take_run(run: RunFolder, earlier: RunFolder) -> None:
    run.remove_tests_from(0)  # of a larger second pass that was given up here
    for name in _FILES:
        (run.root / name).unlink(missing_ok=True)
    folders = [earlier.root / name for name in _FOLDERS]
    found = [file for folder in folders for file in folder.rglob("*") if not file.is_dir()]
    found += [file for name in _FILES if (file := earlier.root / name).exists()]
    for file in found:
        link_file(file, run.root / file.relative_to(earlier.root))


def count_taken(run: RunFolder, stage: str) -> dict[str, int]:
    """Shards and images of a stage that is done, of all and of those that were taken."""
    files = run.record_file(stage, 0).parent.glob("shard-*.json")
    records = [json.loads(file.read_text()) for file in files]
    taken = [record for record in records if "taken_from" in record]
    return {
        "shards": len(records),
        "shards_taken": len(taken),
        "images": sum(record["images"] for record in records),
        "images_taken": sum(record["images"] for record in taken),
    }


def all_taken(counts: dict[str, int]) -> dict[str, int]:
    """The same where a whole run was taken, with the records as they were."""
    taken = {f"{what}_taken": counts[what] for what in ("shards", "images")}
    return {**counts, **taken}


def all_is_taken(run: RunFolder) -> bool:
    """Whether nothing of a finished run is its own."""
    try:
        content = json.loads(run.taken_file.read_text())
        stages = content["first_pass"], content["second_pass"]
        return all(stage["shards"] == stage["shards_taken"] for stage in stages)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def write_taken(
    run: RunFolder,
    earlier: RunFolder,
    differences: Sequence[str],
    first_pass: dict[str, int],
    second_pass: dict[str, int],
) -> None:
    """Write taken.json: how much of a run is not its own.

    differences : why nothing could be taken; empty where it could
    first_pass, second_pass : as from `count_taken`
    """
    is_reference = any(file.is_symlink() for file in (run.root / "tables").glob("*/*.parquet"))
    content = {
        "previous": str(earlier.root),
        "differences": list(differences),
        "by": "reference" if is_reference else "hard link",
        "first_pass": first_pass,
        "second_pass": second_pass,
    }
    write_json(run.taken_file, content)
