"""What in a run folder is of camaudit; anything else is the user's, and never removed."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tasks.errors import AuditError
from tasks.tables.storage import RunFolder
from tasks.tables.table_names import ADDED_TABLES

VIEW_FILE = "view.json"  # in the folder of a page that a later command wrote

# Written by `camaudit run`, and what it goes on from.
_AUDIT_NAMES = frozenset(
    {
        "audit.json", "first_pass.json", "second_pass.json", "taken.json", "complete.json", ".lock",
        "tables", "partials", "records", "report", *(f"{kind}.json" for kind in ADDED_TABLES),
    }
)  # fmt: skip
_LATER_NAMES = frozenset({"exports", "check.xml"})
_TEMPORARY = re.compile(r"\..+\.(\d+\.tmp|(tmp|old)-\d+)")


def is_audit(run: RunFolder) -> bool:
    """Whether audit.json is camaudit's: other tools have reports of this name, too."""
    return _is_own(run.audit_file)


def is_view(folder: Path) -> bool:
    """Whether camaudit wrote the folder as that of a page; view.json may be another tool's."""
    return not folder.is_symlink() and _is_own(folder / VIEW_FILE)


def _is_own(file: Path) -> bool:
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "camaudit" in content


def foreign_names(run: RunFolder) -> Iterator[str]:
    """What lies directly in the run folder and was not written by any command of camaudit."""
    for entry in sorted(run.root.iterdir()):
        known = entry.name in _AUDIT_NAMES | _LATER_NAMES or _TEMPORARY.fullmatch(entry.name)
        if not known and not is_view(entry):
            yield entry.name


def refuse_own_file(run: RunFolder, file: Path) -> None:
    """Let a later command write anything but a part of the audit itself.

    Raises: AuditError.
    """
    root, target = run.root.resolve(), file.resolve()
    if any((root / name) in (target, *target.parents) for name in _AUDIT_NAMES):
        raise AuditError(
            f"{file} is a part of the audit in {run.root}; expected another place for what is "
            f"written, as in {run.root / 'exports' / file.name}"
        )
