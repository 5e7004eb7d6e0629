"""What makes two audits, or two shards, the same: the part of audit.json that tables depend on."""

from collections.abc import Callable
from typing import Any

from tasks.errors import AuditError
from tasks.tables.storage import RunFolder

Identity = Callable[[dict[str, Any]], dict[str, Any]]


def identity_of(facts: dict[str, Any]) -> dict[str, Any]:
    """The part of audit.json that the tables depend on, images aside."""
    config = facts["config"]
    return {
        "schema_version": facts["schema_version"],
        **{
            key: config[key]
            for key in ("images", "annotations", "method", "target", "exact", "top_k")
        },
        **{key: config[key] for key in ("unit_top_k", "shard_size")},
        "model": {k: v for k, v in facts["model"].items() if k != "name"},
        "preprocessing": {k: _listed(v) for k, v in facts["preprocessing"].items()},
        "classes": facts["classes"],
    }


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def shard_identity(facts: dict[str, Any]) -> dict[str, Any]:
    """The part of it that the tables of one shard depend on: its rows name the images."""
    return {key: value for key, value in identity_of(facts).items() if key != "images"}


def differences(
    run: RunFolder, facts: dict[str, Any], identity: Identity = identity_of
) -> list[str]:
    """What the audit in a run folder has otherwise, a line each.

    Raises: AuditError where its audit.json cannot be compared.
    """
    wanted = identity(facts)
    try:
        stored = identity(run.audit())
    except (KeyError, TypeError, AttributeError) as error:
        raise AuditError(
            f"{run.audit_file} is damaged or of another version ({error!r}). Give another --out, "
            "or remove that folder"
        ) from error
    found = []
    for key in wanted:
        old, new = stored.get(key), wanted[key]
        if old == new:
            continue
        if isinstance(new, dict) and isinstance(old, dict):
            found += [f"{key}.{k}: {old.get(k)!r} there, {new.get(k)!r} asked for"
                      for k in old | new if old.get(k) != new.get(k)]  # fmt: skip
        elif key == "classes":
            found.append("classes: other names or another order")
        else:
            found.append(f"{key}: {old!r} there, {new!r} asked for")
    return found


def refuse_other(run: RunFolder, facts: dict[str, Any]) -> None:
    """AuditError where the run folder holds an audit of another configuration."""
    if found := differences(run, facts):
        raise AuditError(
            f"{run.root} holds an audit of another configuration:\n  "
            + "\n  ".join(found)
            + "\nGive another --out, or remove that folder."
        )
