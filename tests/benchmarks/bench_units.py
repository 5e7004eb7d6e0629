"""Seconds that synthetic inputs take: 16 units of resnet18's layer2, on random weights.

python -m tests.benchmarks.bench_units: prints a table; ends with status 1 if a target is missed.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torchvision import models

from tasks.views.synthesis_plan import plan_synthesis
from tasks.views.synthetic_config import load_synthetic_config
from tasks.views.synthetic_inputs import synthesise
from tests.benchmarks.machine import machine_line

MOST_SECONDS = 60  # wall clock, for 16 units at 128 pixels on two threads


def seconds_of(weights: Path, size: int, count: int) -> tuple[float, float, int]:
    """Wall clock and processor seconds of the ascent alone, and its steps."""
    config = load_synthetic_config(
        {"model": "torchvision:resnet18", "weights": str(weights), "layer": "layer2",
         "count": count, "size": size}
    )  # fmt: skip
    plan = plan_synthesis(config)
    wall, processor = time.perf_counter(), time.process_time()
    synthesise(plan)
    return time.perf_counter() - wall, time.process_time() - processor, plan.steps


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    console = Console(width=110)
    console.print(machine_line(arguments.threads))
    with tempfile.TemporaryDirectory() as scratch:
        weights = Path(scratch) / "resnet18.pth"
        torch.manual_seed(0)
        torch.save(models.resnet18(weights=None).state_dict(), weights)
        wall, processor, steps = seconds_of(weights, arguments.size, arguments.count)
    table = Table("network", "layer", "units", "pixels", "steps", "seconds", "processor seconds")
    numbers = [str(arguments.count), str(arguments.size), str(steps)]
    table.add_row("resnet18", "layer2", *numbers, f"{wall:.1f}", f"{processor:.1f}")
    console.print(table)
    missed = wall > MOST_SECONDS
    console.print(f"more than {MOST_SECONDS} s" if missed else "Every target is met.")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
