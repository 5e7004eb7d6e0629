"""python -m tests.nightly: a week of nightly audits for each of several seeds.

Prints what the check and the diff said each day; status 1 where either named a class that it
should not, or missed one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from tests.benchmarks.machine import machine_line
from tests.nightly.play import Night, mistakes_of, play_week
from tests.nightly.week import BETTER_MODEL_ON, POISONED_ON, Week


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="Kept; default: a temporary one")
    given = parser.parse_args()
    out = Console(highlight=False, soft_wrap=True)
    out.print(machine_line(1))
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        for seed in range(given.seeds):
            week = Week(folder / f"seed{seed}", seed)
            out.print(
                f"seed {seed}: {week.poisoned} on {week.background} from day {POISONED_ON}, a "
                f"better model on day {BETTER_MODEL_ON}"
            )
            nights = play_week(week, lambda night: out.print(_line(night)))
            wrong += [f"seed {seed}, {each}" for each in mistakes_of(week, nights)]
    for line in wrong:
        out.print(f"WRONG: {line}")
    out.print(f"{given.seeds} weeks: " + (f"{len(wrong)} wrong" if wrong else "every day right"))
    return int(bool(wrong))


def _line(night: Night) -> str:
    told = [f"{metric} of {', '.join(sorted(who))}" for metric, who in night.broken.items()]
    changes = [
        f"{verb} {', '.join(sorted(who))}"
        for verb, who in (("lost", night.lost), ("gained", night.gained))
        if who
    ]
    return (
        f"  day {night.day}: {night.images} images, {100 * night.reused:.0f} % taken over, "
        f"accuracy {100 * night.accuracy:.1f} %; check: {'; '.join(told) or 'kept'}; diff: "
        f"{'; '.join(changes) or 'nothing'}"
    )


if __name__ == "__main__":
    sys.exit(main())
