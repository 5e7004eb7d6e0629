"""Mends models with a planted shortcut; exit status 1 where the worst group gains too little."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from tests.benchmarks.machine import machine_line
from tests.mending.dataset import Sizes
from tests.mending.gates import check
from tests.mending.page import write_page
from tests.mending.run import run_all


def main() -> int:
    """Read the command line, run the experiment, write its page and print its gates."""
    arguments = _parse()
    console = Console(highlight=False, soft_wrap=True, markup=False)
    console.print(machine_line(1))
    began = time.monotonic()

    def tell(line: str) -> None:
        console.print(f"{time.monotonic() - began:5.0f} s  {line}")

    with tempfile.TemporaryDirectory(prefix="mending-") as temporary:
        folder = (arguments.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        sizes = Sizes()
        outcomes = run_all(folder, arguments.seeds, sizes, tell, processes=arguments.processes)
    gates = check(outcomes)
    page = write_page(arguments.out, outcomes, gates, sizes)
    for gate in gates:
        console.print(str(gate))
    console.print(str(page))
    return int(not all(gate.passed for gate in gates))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("docs/mending.md"), help="the page")
    parser.add_argument("--keep", type=Path, help="folder for data and runs; default: none kept")
    parser.add_argument("--processes", type=int, default=2, help="seeds at once")
    arguments = parser.parse_args()
    for name in ("seeds", "processes"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} must be at least 1; got {getattr(arguments, name)}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
