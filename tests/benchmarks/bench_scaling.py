"""Throughput against classes per image, workers and the size of the dataset, as a plot.

python -m tests.benchmarks.bench_scaling [--plot docs/benchmarks/throughput.svg]: the classes
interleaved with pytorch-grad-cam, from memory; workers and sizes by `camaudit run`, from JPEG files
to the finished report, Prefect and Dask and all.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from rich.console import Console
from rich.table import Table

from tests.benchmarks.bench_throughput import draw
from tests.benchmarks.contestants import (
    LAYERS,
    MEAN,
    RESIZE,
    SIDE,
    STD,
    our_classes,
    peer_classes,
    write_network,
)
from tests.benchmarks.interleaved import time_interleaved, waiting
from tests.benchmarks.machine import machine_line

NETWORK = "resnet18"
OURS, PEER = "camaudit", "pytorch-grad-cam"
Rates = dict[str, dict[int, float]]  # images per second, by name and number


def rates_by_classes(counts: list[int], given: argparse.Namespace) -> Rates:
    """From memory; the peer up to five classes, each of which costs it a pass more."""
    makers = {OURS: our_classes, PEER: peer_classes}
    rates: Rates = {}
    for name, make in makers.items():
        asked = [count for count in counts if name == OURS or count <= 5]
        contestants = {str(count): (NETWORK, given.batch, count) for count in asked}
        with waiting(make, contestants, given.threads) as pipes:
            found = time_interleaved(pipes, (), given.rounds, saves=False)
        rates[name] = {
            count: given.batch / statistics.median(found[str(count)].seconds) for count in asked
        }
    return rates


def audit_rates(folder: Path, images: int, workers: int) -> tuple[float, float]:
    """Images per second of the first pass alone, and of the whole command."""
    pictures, out = folder / f"images-{images}", folder / f"run-{images}-{workers}"
    if not pictures.exists():
        draw(pictures, images)
    flags = {
        "images": pictures, "model": write_network(folder, NETWORK), "out": out, "device": "cpu",
        "resize": RESIZE, "crop": SIDE, "mean": ",".join(map(str, MEAN)),
        "std": ",".join(map(str, STD)), "target-layer": LAYERS[NETWORK], "workers": workers,
        "shard-size": 32, "second-pass": 0,
    }  # fmt: skip
    words = [word for key, value in flags.items() for word in (f"--{key}", str(value))]
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "flows.cli", "run", *words], check=True)
    seconds = time.perf_counter() - start
    measured = json.loads((out / "first_pass.json").read_text())
    return float(measured["images_per_second"]), images / seconds


def rates_of_audits(sizes: list[int], workers: list[int]) -> tuple[Rates, Rates]:
    """By number of workers, at the largest size; and by size, with one worker."""
    with tempfile.TemporaryDirectory(prefix="scaling-") as scratch:
        folder = Path(scratch)
        by_size = {size: audit_rates(folder, size, 1) for size in sizes}
        largest = sizes[-1]
        more = {n: audit_rates(folder, largest, n) for n in workers if n > 1}
    by_workers = {1: by_size[largest], **more}
    names = ("first pass", "whole command")
    return tuple(  # type: ignore[return-value]
        {name: {n: both[i] for n, both in found.items()} for i, name in enumerate(names)}
        for found in (by_workers, by_size)
    )


def draw_plot(panels: dict[str, Rates], title: str, file: Path) -> None:
    """A panel for each, logarithmic both ways, so that a straight line is a power law."""
    figure, axes = plt.subplots(1, len(panels), figsize=(4 * len(panels), 3.6), squeeze=False)
    for axis, (what, rates) in zip(axes[0], panels.items(), strict=True):
        for name, by_number in rates.items():
            axis.plot(list(by_number), list(by_number.values()), marker="o", label=name)
        _label(axis, what, sorted({n for by_number in rates.values() for n in by_number}))
    axes[0][0].set_ylabel("images per second")
    figure.suptitle(title, fontsize=9)
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})


def _label(axis: Axes, what: str, numbers: list[int]) -> None:
    axis.set(xlabel=what, xscale="log", yscale="log")
    axis.set_xticks(numbers, [f"{n:,}" for n in numbers])
    axis.minorticks_off()
    low, high = axis.get_ylim()
    ticks = [n * 10**k for k in range(-1, 4) for n in (1, 2, 5) if low <= n * 10**k <= high]
    axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8, frameon=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--classes", nargs="+", type=int, default=[1, 2, 5, 10, 20])
    parser.add_argument("--sizes", nargs="+", type=int, default=[64, 256, 1024])
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--plot", type=Path, default=Path("docs/benchmarks/throughput.svg"))
    given = parser.parse_args()
    machine = machine_line(given.threads)
    console = Console(width=100)
    console.print(machine)
    classes = rates_by_classes(given.classes, given)
    workers, sizes = rates_of_audits(sorted(given.sizes), given.workers)
    panels = {"classes per image": classes, "workers": workers, "images in the dataset": sizes}
    for what, rates in panels.items():
        numbers = sorted({n for by_number in rates.values() for n in by_number})
        table = Table(what, *(f"{n:,}" for n in numbers), title="images per second")
        for name, found in rates.items():
            table.add_row(name, *(f"{found[n]:.2f}" if n in found else "" for n in numbers))
        console.print(table)
    draw_plot(panels, f"{NETWORK} at {SIDE} px. {machine}", given.plot)
    console.print(f"Drawn: {given.plot}")


if __name__ == "__main__":
    main()
