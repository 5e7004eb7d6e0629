"""The benchmark from pools to figures, on two processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from tests.planted.arms import ARMS
from tests.planted.jobs import make_dataset, make_measures, make_start
from tests.planted.measured import Measured
from tests.planted.pools import PoolSizes, render_pools
from tests.planted.search import START, TRIES
from tests.planted.sets import Strength

PROCESSES = 2
Result = TypeVar("Result")


@dataclass(frozen=True)
class Benchmark:
    """How large a benchmark is.

    budget : forwards of the second pass per image; None: the audit's default
    """

    arms: tuple[str, ...] = tuple(ARMS)
    seeds: int = 5
    tries: int = TRIES
    budget: float | None = None
    start: Strength = START
    pools: PoolSizes = field(default_factory=PoolSizes)


# One seed of one arm; small enough for a test.
QUICK = Benchmark(
    arms=("texture",),
    seeds=1,
    tries=1,
    start=Strength(0.0, 300, 7, 0.12),
    pools=PoolSizes(300, 210, 120, 80, 30),
)


def generate(benchmark: Benchmark, data: Path, tell: Callable[[str], None]) -> list[Path]:
    """Write the dataset of every arm and seed to data/<arm>/seed<n>; returns the folders.

    What is there already, from a run that was ended, stays.
    """
    return list(_on_processes(benchmark, data, tell, make_dataset))


def measure_all(benchmark: Benchmark, data: Path, tell: Callable[[str], None]) -> list[Measured]:
    """Write every dataset, audit it with and without masks, and compare with the truth."""
    job = partial(make_measures, budget=benchmark.budget)
    found = [one for pair in _on_processes(benchmark, data, tell, job) for one in pair]
    return sorted(found, key=lambda one: (list(ARMS).index(one.arm), one.seed, not one.masked))


def _on_processes(
    benchmark: Benchmark, data: Path, tell: Callable[[str], None], job: Callable[..., Result]
) -> Iterator[Result]:
    tell("rendering objects and backgrounds")
    pools = data / "pools"
    render_pools(pools, benchmark.pools, PROCESSES)
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        starts = {
            seed: pool.submit(make_start, pools, data / f"start{seed}.pt", seed, benchmark.start)
            for seed in range(benchmark.seeds)
        }
        jobs: dict[Future[Result], str] = {}
        for seed, start in starts.items():
            first = start.result()
            tell(f"seed {seed}: the model to start from is trained")
            for arm in benchmark.arms:
                folder = data / arm / f"seed{seed}"
                given = (pools, first, folder, arm, seed, benchmark.tries)
                jobs[pool.submit(job, *given)] = f"seed {seed}: {arm} is done"
        yield from _as_done(jobs, tell)


def _as_done(jobs: dict[Future[Result], str], tell: Callable[[str], None]) -> Iterator[Result]:
    for done in as_completed(jobs):
        tell(jobs[done])
        yield done.result()
