"""`camaudit serve` and prefect.yaml, as a user calls them, with real servers on loopback."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from prefect.settings import PREFECT_API_URL
from typer.testing import CliRunner

from flows.cli import app
from flows.serve_command import check_config
from tests.flows.conftest import SmallDataset, start_camaudit
from tests.flows.test_schedule import write_config

ROOT = Path(__file__).resolve().parents[2]
NEW_YEAR = "0 0 1 1 *"


def wait_for(answer: Callable[[], Any], what: str, seconds: float = 150) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if found := answer():
                return found
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.3)


def ask(api: str, what: str) -> list[dict[str, Any]]:
    answer = httpx.post(f"{api}/{what}/filter", json={}, timeout=20)
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_one_process_serves_schedule_pages_and_reports(
    small_dataset: SmallDataset, tmp_path: Path, environment: dict[str, str]
) -> None:
    file, ports = write_config(tmp_path, small_dataset), (free_port(), free_port())
    words = ["--cron", NEW_YEAR, "--timezone", "Europe/Berlin", "--keep", "3", "--now"]
    where = ["--port", str(ports[0]), "--reports-port", str(ports[1])]
    process = start_camaudit("serve", str(file), *words, *where, environment=environment)
    api = f"http://127.0.0.1:{ports[0]}/api"
    try:
        (run,) = wait_for(
            lambda: [r for r in ask(api, "flow_runs") if r["state_type"] == "COMPLETED"], "a run"
        )
        assert run["parameters"]["keep"] == 3
        (deployment,) = ask(api, "deployments")
        (schedule,) = deployment["schedules"]
        assert schedule["schedule"]["cron"] == NEW_YEAR and schedule["active"]
        assert schedule["schedule"]["timezone"] == "Europe/Berlin"
        planned = [r["expected_start_time"] for r in ask(api, "flow_runs") if r["auto_scheduled"]]
        # New Year in Berlin, and not before: Prefect's scheduler has done its part.
        assert planned and all("-12-31T23:00:00" in time for time in planned)
        page = httpx.get(f"http://127.0.0.1:{ports[0]}/", follow_redirects=True, timeout=20)
        assert page.status_code == 200 and "<html" in page.text
        (text,) = [a["data"] for a in ask(api, "artifacts") if a["type"] == "markdown"]
        link = text.split("](")[1].split(")")[0]
        assert httpx.get(link, timeout=20).text.startswith("<!doctype html>")
        started = [process.pid, *(p.pid for p in psutil.Process(process.pid).children(True))]
    finally:
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    wait_for(lambda: not any(psutil.pid_exists(pid) for pid in started), "all processes' end", 30)


@pytest.mark.usefixtures("prefect_server")
def test_prefect_yaml_deploys_to_a_process_work_pool(
    small_dataset: SmallDataset, tmp_path: Path
) -> None:
    file = write_config(tmp_path, small_dataset)
    own = {"PREFECT_API_URL": str(PREFECT_API_URL.value()), "PREFECT_HOME": str(tmp_path / "home"),
           "CAMAUDIT_HOME": str(ROOT), "CAMAUDIT_CONFIG": str(file)}  # fmt: skip
    for words in (
        "work-pool create audits --type process",
        "--no-prompt deploy --all",
        "deployment run scheduled-audit/nightly",
        "worker start --pool audits --run-once",
    ):
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *words.split()], cwd=ROOT, timeout=200,
            env={**os.environ, **own}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stdout, done.stderr)
    (run,) = [entry for entry in (tmp_path / "runs").iterdir() if not entry.is_symlink()]
    assert (run / "complete.json").exists() and (run / "report" / "index.html").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--cron", "0 2 * *"), ["--cron", "every night at two", "'0 2 * *'"]),
        (("--cron", NEW_YEAR, "--timezone", "Mars/Base"), ["--timezone", "IANA", "Mars/Base"]),
        (("--cron", NEW_YEAR, "--timezone", ""), ["--timezone", "IANA", "got ''"]),
        (("--cron", NEW_YEAR, "--keep", "0"), ["--keep", "from 1 on", "0"]),
    ],
)
def test_a_mistake_is_told_before_anything_starts(
    small_dataset: SmallDataset, tmp_path: Path, words: tuple[str, ...], says: list[str]
) -> None:
    file = write_config(tmp_path, small_dataset)
    done = CliRunner().invoke(app, ["serve", str(file), *words])
    assert done.exit_code == 1 and "Traceback" not in done.output
    assert all(word in done.stderr for word in says), done.stderr


def test_mistakes_in_the_file_are_told_before_anything_starts(
    small_dataset: SmallDataset, tmp_path: Path
) -> None:
    file = write_config(tmp_path, small_dataset)
    text = file.read_text()
    for line, says in (
        ('previous = "runs/1"', "goes on from its own last run"),
        ("keep = 3", "unknown key"),
        ('method = "scorcam"', "'scorcam' is unknown"),
    ):
        file.write_text(f"{text}{line}\n")
        done = CliRunner().invoke(app, ["serve", str(file), "--cron", NEW_YEAR])
        assert done.exit_code == 1 and says in done.stderr, done.output
    file.write_text(text)
    (tmp_path / "runs").write_text("x")
    done = CliRunner().invoke(app, ["serve", str(file), "--cron", NEW_YEAR])
    assert done.exit_code == 1 and "runs is not a folder; expected the one" in done.stderr
    (tmp_path / "runs").unlink()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "audit.json").write_text("{}")
    done = CliRunner().invoke(app, ["serve", str(file), "--cron", NEW_YEAR])
    assert done.exit_code == 1 and "is one run" in done.stderr


def test_a_folder_that_has_runs_is_gone_on_with(
    small_dataset: SmallDataset, tmp_path: Path
) -> None:
    file = write_config(tmp_path, small_dataset)
    run = tmp_path / "runs" / "2026-01-01T00-00-00Z"
    run.mkdir(parents=True)
    (run / "audit.json").write_text("{}")
    assert check_config(file, keep=None, policy=None) == tmp_path / "runs"


@pytest.mark.parametrize("flag", ["--port", "--reports-port"])
@pytest.mark.parametrize("port", ["-1", "65536", "99999"])
def test_a_port_that_is_none(tmp_path: Path, flag: str, port: str) -> None:
    done = CliRunner().invoke(app, ["serve", "a.toml", "--cron", NEW_YEAR, flag, port])
    said = " ".join(done.output.split())
    assert done.exit_code == 2 and f"'{flag}'" in said and "equal to" in said


def test_a_port_that_is_taken(small_dataset: SmallDataset, tmp_path: Path) -> None:
    file = write_config(tmp_path, small_dataset)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(
            app, ["serve", str(file), "--cron", NEW_YEAR, "--reports-port", port]
        )
    assert done.exit_code == 1 and port in done.stderr and "--reports-port" in done.stderr
