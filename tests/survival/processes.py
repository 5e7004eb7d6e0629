"""The processes of an audit: the flow's own workers, or a scheduler and workers started by hand."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import httpx
import psutil


class Cluster:
    """A Dask scheduler and two workers, each in a folder of its own, as an admin would start them.

    folder : their folders are made in it
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder, self._environment = folder, environment
        self._port = _free_port()
        self.scheduler: subprocess.Popen[bytes]
        self.workers: list[subprocess.Popen[bytes]]
        self._started = 0
        self.start()

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Scheduler and workers, as a supervisor brings them back."""
        self.scheduler = self._dask("scheduler", "--port", str(self._port), "--no-dashboard")
        self.workers = [self._worker() for _ in range(2)]

    def kill_worker(self, draw: Random) -> None:
        """Kill one with -9, its nanny with it; another takes its place."""
        index = draw.randrange(len(self.workers))
        _kill_tree(self.workers[index].pid)
        self.workers[index].wait()
        self.workers[index] = self._worker()

    def kill_scheduler(self) -> None:
        """Kill it with -9 and start all of the cluster anew."""
        self.stop()
        self.start()

    def stop(self) -> None:
        for process in (self.scheduler, *self.workers):
            _kill_tree(process.pid)
            process.wait()

    def _worker(self) -> subprocess.Popen[bytes]:
        return self._dask("worker", self.address, "--nthreads", "1", "--no-dashboard")

    def _dask(self, *arguments: str) -> subprocess.Popen[bytes]:
        self._started += 1
        folder = self._folder / f"process{self._started}"
        folder.mkdir(parents=True)
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            cwd=folder, env=self._environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip


def start_prefect(environment: dict[str, str]) -> "tuple[subprocess.Popen[bytes], str]":
    """A Prefect server, as teams have one, and its address. The one that each command would start
    for itself takes longer than the audit; tests/flows/test_kills.py kills commands with theirs.
    """
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--port", str(port), "--no-ui"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}/api"
    for _ in range(600):
        with suppress(httpx.HTTPError):
            if httpx.get(f"{url}/health", timeout=5).is_success:
                return process, url
        time.sleep(0.5)
    raise AssertionError("Prefect's server did not start")


def kill_own_worker(flow: int, draw: Random) -> bool:
    """Kill a worker process that the flow started; False where it has none (yet)."""
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(flow).children(recursive=True)
        workers = [c for c in children if "multiprocessing.spawn" in " ".join(c.cmdline())]
        if workers:
            draw.choice(workers).kill()
            return True
    return False


def kill_flow(process: "subprocess.Popen[str]") -> None:
    """Kill the command alone; what it had started is left to its fate."""
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)


def kill_left_behind(environment: dict[str, str]) -> None:
    """End what a killed command had started, such as its Prefect server: all that knows the same
    PREFECT_HOME."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("PREFECT_HOME") == environment["PREFECT_HOME"]:
                process.kill()


def _kill_tree(pid: int) -> None:
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in (*root.children(recursive=True), root):
            with suppress(psutil.NoSuchProcess):
                os.kill(process.pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
