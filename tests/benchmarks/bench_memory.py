"""Peak memory of whole audits of 1,000 and of 20,000 images.

python -m tests.benchmarks.bench_memory: prints a table; ends with status 1 if memory grows.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import psutil
import torch
from rich.console import Console
from rich.table import Table

from tests.benchmarks.machine import machine_line

DATA = Path(__file__).resolve().parents[2] / "data"
# What the manifest, the predictions and the report's rows may take per image in the driver.
DRIVER_BYTES_PER_IMAGE = 4096
WORKER_GROWTH = 1.10


@dataclass(frozen=True)
class Peaks:
    """Resident memory at its highest, in MiB."""

    images: int
    seconds: float
    driver: float
    worker: float


def write_manifest(folder: Path, images: int) -> Path:
    """The sample's images over and over, with their masks."""
    sample = pd.read_csv(DATA / "manifest.csv")
    repeats = -(-images // len(sample))
    rows = pd.concat([sample] * repeats).head(images)
    for column in ("uri", "mask_uri"):
        rows[column] = [str(DATA / path) for path in rows[column]]
    file = folder / "manifest.csv"
    rows[["uri", "label", "mask_uri", "background"]].to_csv(file, index=False)
    return file


def audit(folder: Path, images: int) -> Peaks:
    """Run one audit in a process of its own and watch it."""
    folder.mkdir()
    manifest = write_manifest(folder, images)
    command = [sys.executable, "-m", "flows.cli", "run", str(DATA / "audit.toml")]
    command += ["--images", str(manifest), "--out", str(folder / "run"), "--device", "cpu"]
    command += ["--root", str(DATA)]
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=dict(os.environ))
    driver = worker = 0.0
    while process.poll() is None:
        with contextlib.suppress(psutil.Error):  # a process may end while it is looked at
            main = psutil.Process(process.pid)
            driver = max(driver, main.memory_info().rss)
            for child in main.children(recursive=True):
                if "multiprocessing.spawn" in " ".join(child.cmdline()):
                    worker = max(worker, child.memory_info().rss)
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"the audit of {images} images failed")
    return Peaks(images, time.monotonic() - start, driver / 2**20, worker / 2**20)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs=2, default=(1_000, 20_000))
    few, many = parser.parse_args().images
    console = Console()
    console.print(machine_line(torch.get_num_threads()))
    with tempfile.TemporaryDirectory() as scratch:
        small, large = (audit(Path(scratch) / str(n), n) for n in (few, many))
    table = Table("images", "seconds", "driver peak, MiB", "worker peak, MiB")
    for peaks in (small, large):
        table.add_row(
            f"{peaks.images:,}",
            f"{peaks.seconds:.0f}",
            f"{peaks.driver:.0f}",
            f"{peaks.worker:.0f}",
        )
    console.print(table)
    growth = large.worker / small.worker
    per_image = (large.driver - small.driver) * 2**20 / (many - few)
    console.print(f"worker: {growth:.2f} times; at most {WORKER_GROWTH}")
    console.print(f"driver: {per_image:.0f} bytes per image; at most {DRIVER_BYTES_PER_IMAGE}")
    return int(growth > WORKER_GROWTH or per_image > DRIVER_BYTES_PER_IMAGE)


if __name__ == "__main__":
    sys.exit(main())
