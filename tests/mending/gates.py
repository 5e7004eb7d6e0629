"""What the mends must reach; the command's exit status is 1 where a gate is missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.mending.measured import IN_PART, Measured
from tests.planted.arms import PLANTED_CLASSES
from tests.planted.gates import Gate

LEAST_GAIN = 0.15
LEAST_MENDED = 0.8  # of the planted classes, over all seeds
GATED = ("last layer", "backgrounds")
# Trained on without any mend: what more epochs and augmentation alone bring.
MENDS = (*GATED, "reweight", "trained on")


@dataclass(frozen=True)
class Outcome:
    """One seed.

    after : by mend, as far as it was tried
    mended : by mend, the classes that the diff calls mended; IN_PART stands behind those that it
        calls so in part
    held_out : images that were held out
    """

    seed: int
    held_out: int
    before: Measured
    after: Mapping[str, Measured]
    mended: Mapping[str, tuple[str, ...]]


def gain(outcome: Outcome, mend: str) -> float:
    """By how much a mend raised the accuracy of the worst group, which may be another one then."""
    return outcome.after[mend].worst - outcome.before.worst


def check(outcomes: Sequence[Outcome]) -> list[Gate]:
    """For the last layer and for backgrounds the mean gain over all seeds, and how many of the
    planted classes the diff calls mended, wholly or in part."""
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
    return gates + [_mended(outcomes, mend) for mend in GATED]


def _mended(outcomes: Sequence[Outcome], mend: str) -> Gate:
    told = [name for outcome in outcomes for name in outcome.mended[mend]]
    wholly = sum(name in PLANTED_CLASSES for name in told)
    either = sum(name.removesuffix(IN_PART) in PLANTED_CLASSES for name in told)
    planted = len(PLANTED_CLASSES) * len(outcomes)
    figures = (
        f"{either} of {planted} planted classes over all seeds, {wholly} of them wholly; at least "
        f"{100 * LEAST_MENDED:.0f} %"
    )
    return Gate(f"called mended, {mend}", either >= LEAST_MENDED * planted, figures)
