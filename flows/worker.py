"""What runs in a worker process: one model, built once, and one shard at a time."""

import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import torch
from distributed import Worker, WorkerPlugin, get_worker

from tasks.errors import AuditError
from tasks.explain.auditor import Auditor, AuditorSettings
from tasks.tables.shards import Shard

_PLUGIN = "camaudit-auditor"

ShardWork = Callable[
    [Auditor, str, Shard], dict[str, Any]
]  # the run folder, and its shard's record


class SchedulerLost(AuditError):
    """The scheduler that an audit began with is gone, be it that another answers at its address."""

    def __init__(self) -> None:
        super().__init__(
            "the Dask scheduler ended while it had shards of this audit. What is finished is "
            "stored; start the scheduler and its workers and run the same command again"
        )

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        return type(self), ()


class AuditorPlugin(WorkerPlugin):
    """Holds the worker's model, built when the first shard asks for it.

    Built lazily, a model that does not load fails a shard with its reason; built in `setup` it
    would only keep the worker from starting.
    """

    name = _PLUGIN

    def __init__(self, settings: AuditorSettings, *, shares_terminal: bool) -> None:
        self._settings = settings
        self._shares_terminal = shares_terminal
        self._auditor: Auditor | None = None

    def setup(self, worker: Worker) -> None:
        """Called by Dask once in each worker process."""
        if self._shares_terminal:
            # Ctrl-C reaches every process of the terminal; the driver ends its workers itself.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._lock = threading.Lock()
        self._index = int(worker.name) if str(worker.name).isdigit() else 0

    def run(self, work: ShardWork, root: str, shard: Shard, halvings: int) -> dict[str, Any]:
        """Do one shard; one at a time, whatever number of threads the worker has.

        Returns: its record, with how the trunk runs, see `Auditor.trunk`, and with `halved_to`
        where batches are smaller than asked for.
        """
        with self._lock:
            if self._auditor is None:
                self._auditor = Auditor(self._on_own_device())
            limit = self._auditor.limit
            limit.start(halvings)
            record = {**work(self._auditor, root, shard), "trunk": self._auditor.trunk}
            return {**record, "halved_to": limit.size} if limit.size < limit.wanted else record

    def _on_own_device(self) -> AuditorSettings:
        if self._settings.device != "cuda":
            return self._settings
        return replace(self._settings, device=f"cuda:{self._index % torch.cuda.device_count()}")


def run_on_worker(work: ShardWork, root: str, shard: Shard, halvings: int) -> dict[str, Any]:
    """What a worker runs: a function by its name, small arguments, a small result.

    Raises: SchedulerLost where the worker is of a scheduler that has no part in the audit.
    """
    plugin: AuditorPlugin | None = get_worker().plugins.get(_PLUGIN)
    if plugin is None:
        raise SchedulerLost
    return plugin.run(work, root, shard, halvings)
