"""Dask says where: worker processes of our own, or those of a scheduler by its address."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from typing import Any, Self

import dask
from distributed import Client, Future, LocalCluster

from flows.machine import available_cores, count_workers, resolve_device
from flows.software import refuse_other_software, versions
from flows.worker import AuditorPlugin, SchedulerLost, ShardWork, run_on_worker
from tasks.errors import AuditError
from tasks.explain.auditor import AuditorSettings
from tasks.index.plan import Plan
from tasks.tables.shards import Shard

_STARTS = 3  # of worker processes, before it is taken for no accident
# Read by glibc alone, before a process runs: freed memory stays with the process. Dask has its
# workers give it back at once, and clearing new pages for each forward then takes a quarter of
# the first pass. One arena, because those of threads hold no tensor of more than 64 MiB.
KEPT_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    "MALLOC_MMAP_THRESHOLD_": str(2**40),
    "MALLOC_ARENA_MAX": "1",
}
_ENVIRONMENT = "distributed.nanny.pre-spawn-environ"


class Workers:
    """Worker processes that do shards.

    client : connected Dask client whose workers have the plugin
    resources : what each shard asks for, or None
    """

    def __init__(self, client: Client, count: int, resources: dict[str, int] | None) -> None:
        self.count = count
        self._client = client
        self._resources = resources
        self._waiting: set[Future] = set()
        self._let_go = self._lost = False

    def run(self, work: ShardWork, root: str, shard: Shard, halvings: int) -> dict[str, Any]:
        """Have one shard done, in batches halved so often, and wait for its record.

        Raises: what the worker raised; KilledWorker where the worker died; SchedulerLost where the
        scheduler did, from then on for every shard.
        """
        if self._lost:
            raise SchedulerLost
        future = self._client.submit(
            run_on_worker, work, root, shard, halvings, pure=False, resources=self._resources
        )
        self._waiting.add(future)
        try:
            record: dict[str, Any] = future.result()
            return record
        except (CancelledError, SchedulerLost) as error:
            if self._let_go:
                # Prefect retries an Exception, but takes asyncio's for the end of the task.
                raise asyncio.CancelledError from error
            self._lost = True
            raise SchedulerLost from error
        except BaseException:
            future.cancel()
            raise
        finally:
            self._waiting.discard(future)

    def cancel(self) -> None:
        """Let go of all shards, so that the threads that wait for them end."""
        self._let_go = True
        self._client.cancel(list(self._waiting), force=True)


class WorkersOnDemand:
    """Workers that are started when the first shard asks for them, and then serve all stages."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._stack = ExitStack()
        self._workers: Workers | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.close()

    def get(self) -> Workers:
        """Raises: AuditError, see `start_workers`."""
        if self._workers is None:
            self._workers = self._stack.enter_context(start_workers(self._plan))
        return self._workers


@contextmanager
def start_workers(plan: Plan) -> Iterator[Workers]:
    """Worker processes on this machine, or those of the scheduler that the plan names.

    Raises: AuditError where the scheduler cannot be reached, has no workers or other software.
    """
    config = plan.config
    device = resolve_device(config.device)
    if config.scheduler is not None:
        with _connect(config.scheduler) as client:
            threads = min(client.nthreads().values())
            client.register_plugin(
                AuditorPlugin(_settings(plan, device, threads), shares_terminal=False)
            )
            yield Workers(client, len(client.nthreads()), None)
        return
    count = min(count_workers(config.workers, device), max(1, len(plan.shards)))
    threads = max(1, available_cores() // count)
    resources = {"GPU": 1} if device == "cuda" else None
    with own_processes(count, resources) as cluster, Client(cluster) as client:
        client.register_plugin(
            AuditorPlugin(_settings(plan, device, threads), shares_terminal=True)
        )
        yield Workers(client, count, resources)


def own_processes(count: int, resources: dict[str, int] | None) -> LocalCluster:
    """Worker processes on this machine, which keep their freed memory unless the environment of
    this one has other words about it.

    Raises: AuditError where some end each time before they have started.
    """
    environment = {**dask.config.get(_ENVIRONMENT), **KEPT_MEMORY}
    for _ in range(_STARTS):
        try:
            with dask.config.set({_ENVIRONMENT: environment}):
                return LocalCluster(
                    n_workers=count, threads_per_worker=1, dashboard_address="127.0.0.1:0",
                    resources=resources or {}, memory_limit=None,
                )  # fmt: skip
        except RuntimeError as error:  # Dask brings back a worker that dies, once it has lived
            reason = error.__cause__ or error
    raise AuditError(
        f"worker processes ended {_STARTS} times before they had started: {reason}. Where memory "
        "is short, give fewer --workers; the same command goes on from here"
    )


def _settings(plan: Plan, device: str, threads: int) -> AuditorSettings:
    config, model = plan.config, plan.facts["model"]
    return AuditorSettings(
        model=config.model,
        weights=config.weights,
        digest=model["digest"],
        target_layer=model["target_layer"],
        unit_layers=config.further_layers,
        methods=config.methods,
        target=config.target,
        exact=config.exact,
        num_classes=model["num_classes"],
        preprocessing=plan.facts["preprocessing"],
        batch_size=config.batch_size,
        top_k=config.top_k,
        device=device,
        threads=threads,
    )


@contextmanager
def _connect(address: str) -> Iterator[Client]:
    try:
        client = Client(address, timeout="15s")
    except (OSError, ValueError) as error:
        raise AuditError(f"no Dask scheduler answers at {address}: {error}") from error
    with client:
        found = client.run(versions)
        if not found:
            raise AuditError(f"the scheduler at {address} has no workers; start some and try again")
        for worker, theirs in found.items():
            refuse_other_software(worker, theirs)
        yield client
