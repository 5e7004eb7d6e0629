"""One audit after the other, each killed at random moments until it is whole."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.flows.conftest import (
    assert_same_tables,
    draw_small_dataset,
    start_camaudit,
)
from tests.survival.processes import (
    Cluster,
    kill_flow,
    kill_left_behind,
    kill_own_worker,
    start_prefect,
)

_SHARDS = ("--shard-size", "2", "--workers", "1")
_LONGEST = 1800  # seconds of one command; one that takes longer hangs
VICTIMS = {"own": ("worker", "flow"), "cluster": ("worker", "scheduler", "flow")}


@dataclass(frozen=True)
class Kill:
    """setup : whose workers, one of VICTIMS
    victim : what was killed
    seconds : into the command
    stored : shards of both passes with a record by then
    """

    setup: str
    victim: str
    seconds: float
    stored: int


class Ledger:
    """Holds that no finished shard is computed again: its record stays the file that it was."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._seen: dict[Path, int] = {}

    def look(self) -> int:
        """How many are stored. Raises AssertionError where one was written anew."""
        for file in sorted((self._run / "records").glob("*/shard-*.json")):
            changed = file.stat().st_mtime_ns
            assert self._seen.setdefault(file, changed) == changed, f"{file} was computed twice"
        return len(self._seen)


class Play:
    """Audits of one small dataset in a folder.

    folder : of datasets, runs and the processes' own
    setup : one of VICTIMS
    """

    def __init__(self, folder: Path, setup: str, seed: int) -> None:
        self._setup, self._draw, self._folder = setup, Random(seed), folder
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "DASK_"))}
        self._environment = {**kept, "PREFECT_HOME": str(folder / "prefect")}
        self._server, url = start_prefect(self._environment)
        self._slow = {**self._environment, "PREFECT_API_URL": url, "SLOW_FORWARD": "0.2"}
        self._dataset = draw_small_dataset(folder / "data")
        self._cluster = Cluster(folder / "cluster", self._slow) if setup == "cluster" else None
        self._whole = folder / "undisturbed"
        self._latest = 0.0  # seconds into a command, of a kill

    def audit_undisturbed(self) -> None:
        """What all others are held against."""
        start = time.monotonic()
        process = self._start(self._whole)
        _, errors = process.communicate(timeout=_LONGEST)
        assert process.returncode == 0, errors
        self._latest = time.monotonic() - start

    def close(self) -> None:
        if self._cluster is not None:
            self._cluster.stop()
        kill_left_behind(self._environment)
        self._server.wait()

    def audits(self, tell: Callable[[Kill], None]) -> Iterator[int]:
        """The number of kills of one audit after the other, each whole by then and equal to the
        undisturbed one to the last bit."""
        number = 0
        while True:
            number += 1
            run = self._folder / f"run{number}"
            kills = self._until_whole(run, tell)
            assert_same_tables(self._whole, run)
            yield kills

    def _until_whole(self, run: Path, tell: Callable[[Kill], None]) -> int:
        ledger, kills = Ledger(run), 0
        for _ in range(50):
            process = self._start(run)
            for kill in self._kills(process, ledger):
                kills += 1
                tell(kill)
            _, errors = process.communicate(timeout=_LONGEST)
            ledger.look()
            if process.returncode == 0:
                return kills
            assert "Traceback" not in errors, errors
        raise AssertionError(f"{run} was not whole after 50 commands")

    def _kills(self, process: "subprocess.Popen[str]", ledger: Ledger) -> Iterator[Kill]:
        """At random moments of one command, until it has ended."""
        start = time.monotonic()
        while time.monotonic() < start + _LONGEST:
            moment = time.monotonic() + self._draw.uniform(0.1, 1.0) * self._latest
            while time.monotonic() < moment:
                if process.poll() is not None:
                    return
                time.sleep(0.05)
            stored, seconds = ledger.look(), time.monotonic() - start
            victim = self._draw.choice(VICTIMS[self._setup])
            if self._strike(victim, process):
                yield Kill(self._setup, victim, seconds, stored)

        raise AssertionError(f"a command had not ended after {_LONGEST} s")

    def _strike(self, victim: str, process: "subprocess.Popen[str]") -> bool:
        if victim == "flow":
            kill_flow(process)
        elif self._cluster is None:
            return kill_own_worker(process.pid, self._draw)
        elif victim == "worker":
            self._cluster.kill_worker(self._draw)
        else:
            self._cluster.kill_scheduler()
        return True

    def _start(self, run: Path) -> "subprocess.Popen[str]":
        where = [] if self._cluster is None else ["--scheduler", self._cluster.address]
        arguments = self._dataset.arguments(run, *_SHARDS, *where)
        return start_camaudit(*arguments, environment=self._slow)
