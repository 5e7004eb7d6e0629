"""Proves the audit on planted shortcuts; exit status 1 if a gate is missed."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from tests.planted.arms import ARMS
from tests.planted.gates import check
from tests.planted.page import write_page
from tests.planted.run import QUICK, Benchmark, generate, measure_all


def main() -> int:
    """Read the command line, run the benchmark, write its page and print its gates."""
    arguments = _parse()
    benchmark = QUICK if arguments.quick else Benchmark()
    if arguments.arms:
        benchmark = replace(benchmark, arms=tuple(arguments.arms.split(",")))
    if arguments.seeds:
        benchmark = replace(benchmark, seeds=arguments.seeds)
    benchmark = replace(benchmark, budget=arguments.second_pass)
    console = Console(width=110)
    with tempfile.TemporaryDirectory(prefix="planted-") as temporary:
        data = arguments.keep or Path(temporary)
        return _run(benchmark, data, arguments, console)


def _run(benchmark: Benchmark, data: Path, arguments: argparse.Namespace, console: Console) -> int:
    began = time.monotonic()

    def tell(line: str) -> None:
        console.print(f"{time.monotonic() - began:5.0f} s  {line}", highlight=False)

    if arguments.generate_only:
        for folder in generate(benchmark, data, tell):
            console.print(str(folder), highlight=False)
        return 0
    measured = measure_all(benchmark, data, tell)
    gates = check(measured)
    page = write_page(arguments.out, measured, gates, time.monotonic() - began)
    for gate in gates:
        console.print(str(gate), highlight=False, markup=False)
    console.print(str(page), highlight=False)
    return int(not all(gate.passed for gate in gates))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, help="number of seeds; default 5")
    parser.add_argument("--arms", help=f"of {','.join(ARMS)}; default all")
    parser.add_argument("--out", type=Path, default=Path("docs/planted"), help="for page and plot")
    parser.add_argument("--quick", action="store_true", help="one seed, two arms")
    parser.add_argument(
        "--keep", type=Path, help="folder for datasets and runs; default: none kept"
    )
    parser.add_argument(
        "--second-pass", type=float, help="forwards per image; default: the audit's"
    )
    parser.add_argument(
        "--generate-only", action="store_true", help="datasets with truth, no audit"
    )
    arguments = parser.parse_args()
    if unknown := set((arguments.arms or "texture").split(",")) - set(ARMS):
        parser.error(f"no arm is named {', '.join(sorted(unknown))}; known: {', '.join(ARMS)}")
    if arguments.seeds is not None and arguments.seeds < 1:
        parser.error(f"--seeds must be at least 1; got {arguments.seeds}")
    if arguments.generate_only and arguments.keep is None:
        parser.error("--generate-only needs --keep FOLDER: nothing would be left of its datasets")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
