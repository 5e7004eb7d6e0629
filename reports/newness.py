"""How much of a run is its own, and how much it has of an earlier one."""

import json
from typing import Any

from reports.formats import count, plural
from reports.limits import Statement
from tasks.tables.storage import RunFolder


def state_newness(run: RunFolder) -> dict[str, list[Statement]]:
    """Statements by heading; none where the run does not go on from another one."""
    try:
        facts: dict[str, Any] = json.loads(run.taken_file.read_text())
    except (OSError, ValueError):
        return {}
    previous = facts["previous"]
    if facts["differences"]:
        because = "; ".join(facts["differences"])
        said = f"Everything was computed. {previous} is an audit of something else: {because}."
        return {"What is new in this run": [("Nothing was taken over", said)]}
    statements = [("First pass", _share(facts["first_pass"], "image", facts))]
    if facts["second_pass"]["shards"]:
        statements.append(("Second pass", _share(facts["second_pass"], "tested image", facts)))
    return {"What is new in this run": statements}


def _share(counts: dict[str, int], what: str, facts: dict[str, Any]) -> str:
    shards, images = (counts[n] - counts[f"{n}_taken"] for n in ("shards", "images"))
    said = (
        f"{count(shards)} of {plural(counts['shards'], 'shard')}, {count(images)} of "
        f"{plural(counts['images'], what)} computed"
    )
    if not counts["shards_taken"]:
        return f"{said}; nothing could be taken from {facts['previous']}."
    return f"{said}; the rest taken from {facts['previous']}, by {facts['by']}."
