"""The runs of one folder, in the order in which they were started."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tasks.errors import AuditError
from tasks.runs.own_files import is_audit
from tasks.tables.storage import RunFolder

LATEST = "latest"
_STAMP = "%Y-%m-%dT%H-%M-%SZ"


@dataclass(frozen=True)
class StoredRun:
    """started : seconds since the epoch; finished : whether its last file is there"""

    run: RunFolder
    started: float
    finished: bool


def list_runs(folder: Path) -> list[StoredRun]:
    """Every audit directly in `folder`, the oldest first; links and anything else are left out.

    Raises: AuditError where there is no such folder, or it is an audit itself.
    """
    if not folder.is_dir():
        raise AuditError(
            f"{folder} is not a folder; expected the one that holds the runs, a folder each"
        )
    if RunFolder(folder).audit_file.exists():
        raise AuditError(
            f"{folder} is one run; expected the folder that it lies in: {folder.resolve().parent}"
        )
    found = []
    for entry in folder.iterdir():
        run = RunFolder(entry)
        if entry.is_dir() and not entry.is_symlink() and is_audit(run):
            started = run.audit_file.stat().st_mtime
            found.append(StoredRun(run, started, run.complete_file.exists()))
    return sorted(found, key=lambda stored: (stored.started, stored.run.root.name))


def last_finished(folder: Path, but: str = "") -> RunFolder | None:
    """The run that the one named `but` goes on from; None where no other has finished."""
    others = [stored for stored in list_runs(folder) if stored.run.root.name != but]
    finished = [stored.run for stored in others if stored.finished]
    return finished[-1] if finished else None


def run_name(start: datetime) -> str:
    """A folder's name that sorts by time, without a colon, which some file systems refuse.

    start : with its time zone; the name is in UTC
    """
    return start.astimezone(UTC).strftime(_STAMP)


def point_latest(run: RunFolder) -> None:
    """Let `latest` beside the run be a link to it; a file with its name where links are not known.

    Raises: AuditError where something else has that name.
    """
    latest = run.root.parent / LATEST
    if latest.is_dir() and not latest.is_symlink():
        raise AuditError(f"{latest} is a folder; expected a link to the last run, or nothing")
    temporary = latest.with_name(f".{LATEST}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        os.symlink(run.root.name, temporary, target_is_directory=True)
    except OSError:
        temporary.write_text(f"{run.root.name}\n")
    os.replace(temporary, latest)
