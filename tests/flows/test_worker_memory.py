"""What a worker process of our own does with memory that was freed."""

import os
import platform
import subprocess
import sys

import dask
import pytest

from flows import cluster
from flows.cluster import KEPT_MEMORY, own_processes

# Pages touched for the first time by tensors that a thread frees in turn, in two rounds.
TOUCH = """
import resource, threading, torch

def touched():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(12):
        torch.ones(96 << 20, dtype=torch.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

thread = threading.Thread(target=lambda: print(touched(), touched()))
thread.start()
thread.join()
"""
PAGES = 12 * (96 << 20) / os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone can be told")
def test_freed_memory_is_used_again() -> None:
    command, environment = [sys.executable, "-c", TOUCH], {**os.environ, **KEPT_MEMORY}
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    first, second = map(int, done.stdout.split())
    assert 0 < first < 1.1 * PAGES
    assert second < 0.01 * PAGES


def test_workers_are_started_with_it_and_with_all_that_dask_sets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = "distributed.nanny.pre-spawn-environ"
    dask_s = dict(dask.config.get(key))
    monkeypatch.setattr(cluster, "LocalCluster", lambda **_options: dict(dask.config.get(key)))
    seen = own_processes(1, None)
    assert {name: seen[name] for name in KEPT_MEMORY} == KEPT_MEMORY
    assert all(seen[name] == dask_s[name] for name in dask_s if name not in KEPT_MEMORY)
    assert dask.config.get(key) == dask_s
