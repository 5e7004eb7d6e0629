"""python -m tests.survival: audits whose worker, scheduler or flow is killed with -9 at random.

The same command is given again each time. Status 1 where a final table differs from an
undisturbed audit's in one bit, or a finished shard was computed twice.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from rich.console import Console

from tests.benchmarks.machine import machine_line
from tests.survival.play import VICTIMS, Kill, Play


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="at least so many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--setups", nargs="+", choices=list(VICTIMS), default=list(VICTIMS))
    given = parser.parse_args()
    out = Console(highlight=False, soft_wrap=True)
    out.print(machine_line(1))
    kills: list[Kill] = []

    def tell(kill: Kill) -> None:
        kills.append(kill)
        out.print(
            f"  {kill.victim} ({'its own workers' if kill.setup == 'own' else 'by address'}) "
            f"after {kill.seconds:.1f} s, {kill.stored} shards stored"
        )

    audits, start = 0, time.monotonic()
    for number, setup in enumerate(given.setups, 1):
        share = given.kills * number // len(given.setups)
        with tempfile.TemporaryDirectory(prefix="survival-") as temporary:
            play = Play(Path(temporary), setup, given.seed)
            try:
                play.audit_undisturbed()
                for _ in play.audits(tell):
                    audits += 1
                    out.print(f"audit {audits} is whole, and equal to the undisturbed one")
                    if len(kills) >= share:
                        break
            except AssertionError as error:
                out.print(f"WRONG: {error}", markup=False)
                return 1
            finally:
                play.close()
    of_each = ", ".join(f"{count} of a {name}" for name, count in _counts(kills).items())
    out.print(
        f"{len(kills)} kills ({of_each}) in {audits} audits and {time.monotonic() - start:.0f} s: "
        "all tables equal to the last bit, no finished shard computed twice"
    )
    return 0


def _counts(kills: list[Kill]) -> Counter[str]:
    return Counter(kill.victim for kill in kills)


if __name__ == "__main__":
    sys.exit(main())
