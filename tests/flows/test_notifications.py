"""The script that docs/schedules.md gives, run as it stands against a real server."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL

from flows.schedule import scheduled_audit
from tasks.errors import AuditError
from tests.flows.test_schedule import ask

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "schedules.md"


@pytest.fixture
def received() -> Iterator[tuple[str, list[str]]]:
    """The address of a server, and the texts that are sent to it."""
    texts: list[str] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            texts.append(json.loads(content)["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", texts
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("prefect_server")
def test_a_failed_audit_is_told(received: tuple[str, list[str]], tmp_path: Path) -> None:
    url, texts = received
    script = DOCUMENT.read_text().split("```python\n")[1].split("```")[0]
    own = {"PREFECT_API_URL": str(PREFECT_API_URL.value()), "NOTIFY_URL": url}
    done = subprocess.run([sys.executable, "-c", script], env={**os.environ, **own},
                          capture_output=True, text=True, timeout=200, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = {automation["name"]: automation for automation in ask("automations")}
    assert set(made) == {"An audit failed", "No audit has finished for 26 hours"}
    assert made["No audit has finished for 26 hours"]["trigger"]["within"] == 26 * 3600
    with pytest.raises(AuditError, match="cannot be read as TOML"):
        scheduled_audit(str(tmp_path / "absent.toml"))
    deadline = time.monotonic() + 60
    while not texts and time.monotonic() < deadline:
        time.sleep(0.3)
    (text,) = texts
    assert text.startswith("Audit ") and ": Failed" in text.splitlines()[0]
    assert "absent.toml cannot be read as TOML" in text
