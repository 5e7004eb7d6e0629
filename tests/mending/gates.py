"""What the mends must reach; the command's exit status is 1 where a gate is missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.mending.measured import Measured

LEAST_GAIN = 0.15
GATED = ("last layer", "backgrounds")
# Trained on without any mend: what more epochs and augmentation alone bring.
MENDS = (*GATED, "reweight", "trained on")


@dataclass(frozen=True)
class Outcome:
    """One seed.

    after : by mend, as far as it was tried
    mended : by mend, the classes that the diff calls mended; None where it does not say
    held_out : images that were held out
    """

    seed: int
    held_out: int
    before: Measured
    after: Mapping[str, Measured]
    mended: Mapping[str, tuple[str, ...] | None]


@dataclass(frozen=True)
class Gate:
    """One condition, whether it holds, and the figures that say so."""

    name: str
    passed: bool
    figures: str

    def __str__(self) -> str:
        return f"{'pass' if self.passed else 'MISS'}  {self.name}: {self.figures}"


def gain(outcome: Outcome, mend: str) -> float:
    """By how much a mend raised the accuracy of the worst group, which may be another one then."""
    return outcome.after[mend].worst - outcome.before.worst


def check(outcomes: Sequence[Outcome]) -> list[Gate]:
    """A gate for the last layer and one for backgrounds: the mean gain over all seeds."""
    gates = []
    for mend in GATED:
        gains = [gain(outcome, mend) for outcome in outcomes]
        mean = sum(gains) / len(gains)
        figures = (
            f"{100 * mean:+.1f} points on the mean of {len(gains)} seeds "
            f"({', '.join(f'{100 * one:+.0f}' for one in gains)}), at least "
            f"{100 * LEAST_GAIN:+.0f}"
        )
        gates.append(Gate(f"worst group, {mend}", mean >= LEAST_GAIN, figures))
    return gates
