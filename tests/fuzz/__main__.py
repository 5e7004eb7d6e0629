"""python -m tests.fuzz --seconds N: changes files of every kind at random for so long.

Status 1 where one did what it must not; the smallest such file is printed, to become a test.
"""

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path

from rich.console import Console

from tests.benchmarks.machine import machine_line
from tests.fuzz.targets import Target, examine, targets

_AT_ONCE = 200  # files between two looks at the clock


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300, help="all kinds together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="kinds whose name holds this")
    given = parser.parse_args()
    out = Console(highlight=False, soft_wrap=True)
    out.print(machine_line(1))
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
        found = {n: t for n, t in targets(Path(temporary)).items() if given.only in n}
        for name, target in found.items():
            wrong += _run(
                name, target, Path(temporary), given.seconds / len(found), given.seed, out
            )
    return 1 if wrong else 0


def _run(name: str, target: Target, folder: Path, seconds: float, seed: int, out: Console) -> bool:
    start, files = time.monotonic(), 0
    while time.monotonic() - start < seconds:
        try:
            examine(target, folder, _AT_ONCE if target.examples > 10 else 10, seed + files)
        except Exception:
            out.print(f"{name}: WRONG\n{traceback.format_exc()}", markup=False)
            return True
        files += _AT_ONCE if target.examples > 10 else 10
    out.print(f"  {name}: at most {files} files in {time.monotonic() - start:.0f} s, nothing wrong")
    return False


if __name__ == "__main__":
    sys.exit(main())
