"""The earlier audit that one goes on from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.config import AuditConfig
from tasks.errors import AuditError
from tasks.tables.identity import differences, shard_identity
from tasks.tables.storage import RunFolder


@dataclass(frozen=True)
class Previous:
    """run : of an earlier audit
    differences : what keeps everything in it from being taken over, a line each; mostly nothing
    """

    run: RunFolder
    differences: tuple[str, ...]


def open_previous(config: AuditConfig, facts: dict[str, Any]) -> Previous | None:
    """The run that `previous` names; None where it names none.

    facts : content of audit.json of the audit that is planned

    Raises: AuditError where it is the run folder itself, or no audit.
    """
    if config.previous is None:
        return None
    root = Path(config.previous).resolve()
    if root == Path(config.out).resolve():
        raise AuditError(
            f"previous {config.previous} is the run folder itself; expected that of an earlier "
            "audit. Give another --out, or leave --previous away: an audit goes on where it stopped"
        )
    run = RunFolder(root)
    stored = run.audit()
    try:
        found = differences(run, facts, shard_identity)
    except AuditError:
        return Previous(run, ("its audit.json is damaged or of another version",))
    if stored.get("camaudit") != facts["camaudit"]:
        found.append(f"camaudit: {stored.get('camaudit')} there, {facts['camaudit']} here")
    return Previous(run, tuple(found))


def usable(previous: Previous | None) -> RunFolder | None:
    """The run that shards can be taken from, if there is one."""
    return None if previous is None or previous.differences else previous.run
