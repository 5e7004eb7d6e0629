"""How large a report of many images is, and how fast its explorer opens.

python -m tests.benchmarks.bench_report: writes a made-up run of 50,000 images and 1,000 classes,
draws its report, and opens images.html from disk in chromium; medians. Status 1 if a target is
missed.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from reports.build import build_report
from reports.explorer.links import images_link
from tests.benchmarks.machine import machine_line
from tests.benchmarks.made_run import write_made_run
from tests.reports.chromium import open_chromium

MOST_SECONDS, MOST_BYTES = 1.0, 200e6
ROUNDS = 7
TIMES = """
const paint = performance.getEntriesByName("first-contentful-paint")[0];
const rows = performance.getEntriesByName("camaudit-rows")[0];
return JSON.stringify([paint && paint.startTime, rows && rows.startTime,
  window.camaudit?.explorer?.settled !== undefined]);
"""


def bytes_under(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def time_page(browser: Any, address: str) -> tuple[float, float]:
    """First contentful paint and rows shown, seconds after the browser set off."""
    browser.get("about:blank")
    browser.get(address)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        paint, rows, ready = json.loads(browser.execute_script(TIMES))
        if paint and rows and ready:
            return paint / 1000, rows / 1000
        time.sleep(0.05)
    raise TimeoutError(f"{address} shows no rows after 60 s")


def measure(report: Path, rounds: int) -> dict[str, tuple[float, float]]:
    """Medians of `time_page` for the page as it opens and for a link with filters."""
    addresses = {
        "all images": images_link(),
        "a filter and a sorting": images_link(answer="mistake", verdict="suspected", sort="-score"),
        "an image": images_link(image=123),
    }
    found = {}
    with tempfile.TemporaryDirectory() as profile, open_chromium(Path(profile)) as browser:
        for name, address in addresses.items():
            page, _, state = address.partition("#")
            uri = (report / page).as_uri() + f"#{state}"
            times = [time_page(browser, uri) for _ in range(rounds)]
            paints, rows = zip(*times, strict=True)
            found[name] = statistics.median(paints), statistics.median(rows)
    return found


def sizes(report: Path) -> Table:
    table = Table("part", "MB", title="The report's folder")
    parts = {part.name: bytes_under(part) for part in report.iterdir() if part.is_dir()}
    parts["pages at the top"] = sum(f.stat().st_size for f in report.glob("*.html"))
    for name, size in sorted(parts.items(), key=lambda part: -part[1]):
        table.add_row(name, f"{size / 1e6:.1f}")
    table.add_row("all", f"{bytes_under(report) / 1e6:.1f}")
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--folder", type=Path, help="keep the run here; drawn anew if it is there")
    options = parser.parse_args()
    console = Console()
    console.print(machine_line(1))
    with tempfile.TemporaryDirectory() as temporary:
        root = options.folder or Path(temporary) / "made"
        run = root / "run"
        if not run.exists():
            write_made_run(root, options.images, options.classes)
        start = time.perf_counter()
        report = build_report(run).parent
        seconds = time.perf_counter() - start
        size, times = bytes_under(report), measure(report, options.rounds)
        console.print(sizes(report))
    table = Table("opened", "first contentful paint, s", "rows shown, s")
    for name, (paint, rows) in times.items():
        table.add_row(name, f"{paint:.2f}", f"{rows:.2f}")
    console.print(table)
    console.print(
        f"{options.images:,} images, {options.classes:,} classes: drawn in {seconds:.0f} s"
    )
    slow = max(rows for _, rows in times.values()) > MOST_SECONDS
    return int(slow or size > MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
