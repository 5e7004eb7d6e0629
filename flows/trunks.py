"""How the workers' networks run, said once."""

import json
from threading import Lock
from typing import Any


class Trunks:
    """The ways in which networks ran, over all workers and shards of an audit. Shared by the
    flow's threads.
    """

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, Any]] = {}
        self._told: set[str] = set()
        self._lock = Lock()

    def update(self, trunk: dict[str, Any] | None) -> list[str]:
        """Take note of one shard's, see `Auditor.trunk`; None where its worker tells none.

        Returns: what was tried in vain and has not been told yet, a line each.
        """
        if trunk is None:
            return []
        with self._lock:
            self._seen[json.dumps(trunk, sort_keys=True)] = trunk
            new = [reason for reason in trunk["fallbacks"] if reason not in self._told]
            self._told.update(new)
        return [f"{reason}; the first pass runs without, slower" for reason in new]

    def compute(self) -> list[dict[str, Any]]:
        """Each way once, for first_pass.json."""
        with self._lock:
            return [self._seen[way] for way in sorted(self._seen)]
