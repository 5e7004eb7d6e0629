"""A Prefect server for the time of one audit, where the user runs none."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import httpx
import psutil
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL, temporary_settings

from flows.environment import DRIVER_MARK
from tasks.errors import AuditError

_START_SECONDS = 120  # beside busy workers a server takes long to start
_DRAIN_SECONDS = 5


@contextmanager
def prefect_api(ui_port: int | None = None) -> Iterator[None]:
    """While open, flows find a Prefect API: the user's own, or one started here.

    ui_port : where the server that is started shows its pages; None: any free port, and no pages

    Prefect could embed a server itself, but that one shares the terminal's process group: Ctrl-C
    ends it before the flow can say that it was stopped. Ours has a session of its own.

    Raises: AuditError where the server does not start, or the port is taken.
    """
    if PREFECT_API_URL.value() is not None:
        yield
        return
    end_orphaned_servers()
    port = _free_port(ui_port)
    with tempfile.TemporaryFile("w+") as log, _server(port, log, ui_port is not None) as process:
        url = f"http://127.0.0.1:{port}/api"
        _wait_until_healthy(url, process, log)
        with temporary_settings({PREFECT_API_URL: url}):
            try:
                yield
            finally:
                # What is still in these queues when the server ends is tried again and again.
                for queue in (EventsWorker, APILogWorker):
                    queue.drain_all(timeout=_DRAIN_SECONDS, at_exit=False)


def pages_url() -> str:
    """Where Prefect's pages are, while `prefect_api` is open."""
    return str(PREFECT_UI_URL.value() or PREFECT_API_URL.value()).removesuffix("/api")


def end_orphaned_servers() -> int:
    """End Prefect servers that a camaudit process started which is no longer there (kill -9).

    A server is ours if it carries the process id that `flows.environment` puts into it; any
    other Prefect server is left alone.

    Returns: how many processes were ended.
    """
    ended = 0
    for process in psutil.process_iter():
        # A process may end, or belong to someone else, while it is looked at.
        with contextlib.suppress(psutil.Error):
            if "prefect" not in " ".join(process.cmdline()):
                continue
            mark = process.environ().get(DRIVER_MARK)
            if mark is not None and not psutil.pid_exists(int(mark)):
                process.terminate()
                ended += 1
    return ended


@contextmanager
def _server(port: int, log: IO[str], ui: bool) -> Iterator[subprocess.Popen[bytes]]:
    pages = "--ui" if ui else "--no-ui"
    arguments = ["server", "start", "--host", "127.0.0.1", "--port", str(port), pages]
    # The pages call the API at the default port unless they are told where it is, and
    # notifications link to no page.
    own = f"http://127.0.0.1:{port}"
    api = {"PREFECT_UI_API_URL": f"{own}/api", "PREFECT_UI_URL": own} if ui else {}
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect", *arguments],
        stdout=log,
        stderr=subprocess.STDOUT,
        env={**os.environ, **api, DRIVER_MARK: str(os.getpid())},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: IO[str]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/health", timeout=2).status_code == httpx.codes.OK:
                return
        time.sleep(0.1)
    log.seek(0)
    raise AuditError(
        f"Prefect's server did not start within {_START_SECONDS} s; its last words:\n"
        f"{log.read()[-1000:]}\nStart one with 'prefect server start' and set PREFECT_API_URL."
    )


def _free_port(wanted: int | None) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted or 0))
        except OSError as error:
            raise AuditError(
                f"Prefect's server cannot use port {wanted} ({error.strerror}). Where a server "
                f"runs there already, set PREFECT_API_URL=http://127.0.0.1:{wanted}/api; "
                "otherwise give another --port"
            ) from error
        port: int = probe.getsockname()[1]
    return port
