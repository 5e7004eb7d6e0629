"""Which runs are old, what removing them frees, and what keeps an old one."""

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import AuditError
from tasks.runs.being_written import is_being_written
from tasks.runs.own_files import foreign_names
from tasks.runs.sequence import StoredRun, list_runs
from tasks.tables.storage import RunFolder


@dataclass(frozen=True)
class Retention:
    """removed : to remove, the oldest first
    spared : old, but kept, and why
    kept : how many are kept because they are young enough
    freed : bytes that no other run has, by run in `removed`
    """

    removed: tuple[RunFolder, ...]
    spared: tuple[tuple[RunFolder, str], ...]
    kept: int
    freed: tuple[int, ...]


def plan_retention(folder: Path, keep: int) -> Retention:
    """Keep the last `keep` finished runs. Of the others all go but those that are being written,
    those that hold files of the user, and those that any kept run refers to; a run that has not
    finished goes once a later one has.

    Raises: AuditError for `keep` below 1, and where `folder` is no folder of runs.
    """
    if keep < 1:
        raise AuditError(f"keep: expected a whole number from 1 on, got {keep}")
    stored = list_runs(folder)
    young = _young(stored, keep)
    old = [run for run in stored if run not in young]
    reasons = {run.run.root: reason for run in old if (reason := _own_reason(run.run))}
    reasons |= _referred([run.run for run in young], [run.run for run in old], reasons)
    removed = [run.run for run in old if run.run.root not in reasons]
    spared = [(run.run, reasons[run.run.root]) for run in old if run.run.root in reasons]
    freed = _freed(removed)
    return Retention(tuple(removed), tuple(spared), len(young), tuple(freed))


def remove_runs(retention: Retention) -> None:
    """Remove what is to be removed.

    Raises: OSError where something cannot be; what was removed until then stays so.
    """
    for run in retention.removed:
        run.complete_file.unlink(missing_ok=True)  # half of a run must not pass for a finished one
        shutil.rmtree(run.root)


def _young(stored: list[StoredRun], keep: int) -> list[StoredRun]:
    finished = [run for run in stored if run.finished]
    kept = finished[-keep:]
    last = finished[-1].started if finished else float("-inf")
    return [run for run in stored if run in kept or (not run.finished and run.started >= last)]


def _own_reason(run: RunFolder) -> str:
    """Why an old run stays, whatever refers to it; '' where nothing speaks for it."""
    if is_being_written(run):
        return "it is being written"
    if foreign := list(foreign_names(run)):
        more = f" and {len(foreign) - 1:,} more" if foreign[1:] else ""
        return f"{foreign[0]}{more} in it is not of camaudit; move it, or remove the folder by hand"
    return ""


def _referred(
    young: list[RunFolder], old: list[RunFolder], spared: Iterable[Path]
) -> dict[Path, str]:
    """Old runs that kept ones lead to by symbolic links, or those by theirs, and so on: which."""
    roots = {run.root.resolve(): run.root for run in old}
    waiting, found = [*(run.root for run in young), *spared], {}
    while waiting:
        root = waiting.pop(0)
        parents = {parent for link in _links(root) for parent in link.resolve().parents}
        for referred in sorted(roots[parent] for parent in parents & roots.keys()):
            if referred != root and referred not in found:
                found[referred] = f"{root.name} refers to it"
                waiting.append(referred)
    return found


def _links(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        paths = (Path(parent) / name for name in (*folders, *names))
        yield from (path for path in paths if path.is_symlink())


def _freed(removed: Iterable[RunFolder]) -> Iterator[int]:
    """A file goes with the last of the removed runs that share it, if no other run has it."""
    seen: Counter[tuple[int, int]] = Counter()
    for run in removed:
        freed = 0
        for file in _files(run.root):
            status = file.lstat()
            inode = status.st_dev, status.st_ino
            seen[inode] += 1
            freed += status.st_size if seen[inode] == status.st_nlink else 0
        yield freed


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent) / name for name in names)
