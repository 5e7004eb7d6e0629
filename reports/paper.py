"""The report's sheet of paper as a PDF, for those who get it by mail."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tasks.errors import AuditError
from tasks.tables.whole_files import atomic_path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SECONDS = 120
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-pdf-header-footer",
)  # fmt: skip


def print_summary(report: Path, out: Path) -> None:
    """Print REPORT/summary.html, one page of A4, with a browser that is installed.

    report : folder of a report; out : the PDF, which appears whole

    Raises: AuditError where there is no such page, no browser, or it prints nothing.
    """
    page = report / "summary.html"
    if not page.is_file():
        raise AuditError(
            f"{page} is missing; expected the report of this version. Draw it again with "
            "'camaudit report RUN'"
        )
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise AuditError(
            f"no browser to print with: expected one of {', '.join(BROWSERS)} on the PATH, got "
            f"none. Install Debian's chromium, or open {page} and print it from your own"
        )
    with atomic_path(out) as temporary, tempfile.TemporaryDirectory() as profile:
        flags = [*_FLAGS, f"--user-data-dir={profile}", f"--print-to-pdf={temporary.resolve()}"]
        command = [browser, *flags, page.resolve().as_uri()]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise AuditError(f"{browser} did not print {page} within {SECONDS} s") from error
        if not temporary.is_file() or not temporary.read_bytes().startswith(b"%PDF"):
            said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
            raise AuditError(f"{browser} printed no PDF of {page} (exit {done.returncode}): {said}")
