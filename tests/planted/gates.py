"""What the audit must reach; the command's exit status is 1 where a gate is missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from tests.planted.arms import ARMS
from tests.planted.measured import Measured
from tests.planted.metrics import auroc

LEAST_AUROC = 0.85
# Where the object is guessed, a part of it stays on every background, or is never seen.
LEAST_AUROC_GUESSED = 0.7
LEAST_COVERAGE = 0.90
# Fewer tested mistakes make an interval so wide that its covering proves nothing.
LEAST_TESTED = 5
# The cast is a global cue: no second pass can separate it, and a gate of its own holds it.
RANKED_ARMS = ("texture", "tag", "blur", "clean")
BLAMED = ("confirmed", "suspected", "undetermined")


@dataclass(frozen=True)
class Gate:
    """One condition, whether it holds, and the figures that say so."""

    name: str
    passed: bool
    figures: str

    def __str__(self) -> str:
        return f"{'pass' if self.passed else 'MISS'}  {self.name}: {self.figures}"


def check(measured: Sequence[Measured]) -> list[Gate]:
    """All gates that the arms at hand can be held to, with and without masks."""
    gates = []
    for masked in (True, False):
        told = [one for one in measured if one.masked is masked]
        given = "masks" if masked else "no masks"
        for arm in RANKED_ARMS:
            of_arm = [one for one in told if one.arm == arm]
            least = LEAST_AUROC if masked else LEAST_AUROC_GUESSED
            gates += _auroc_gate(f"AUROC, {arm}, {given}", of_arm, least)
        planted = [one for one in told if ARMS[one.arm].planted]
        gates += _rank_gate(f"planted classes on top, {given}", planted)
        clean = [one for one in told if one.arm == "clean"]
        gates += _alarm_gate(f"no class confirmed on the clean model, {given}", clean)
        cast = [one for one in told if one.arm == "cast"]
        gates += _cast_gate(f"colour cast never `not_background`, {given}", cast)
        gates += _coverage_gate(f"95 % intervals cover, {given}", told)
    return gates


def pooled(measured: Sequence[Measured]) -> pd.DataFrame:
    """The mistakes of several audits, one below the other."""
    return pd.concat([one.mistakes for one in measured], ignore_index=True)


def cast_driven(measured: Sequence[Measured]) -> pd.DataFrame:
    """Mistakes that turn right on most re-renders with another cast, alone and in other scenes."""
    mistakes = pooled(measured)
    return mistakes[(mistakes["cue_share"] > 0.5) & mistakes["driven"]]


def counted(intervals: pd.DataFrame) -> pd.DataFrame:
    """The intervals that the coverage gate counts."""
    return intervals[intervals["tested"] >= LEAST_TESTED]


def top_k(measured: Measured) -> list[bool]:
    """For every planted class that the model took up: whether it is among the first k."""
    k = len(ARMS[measured.arm].planted)
    return [(measured.class_ranks[taken] or k + 1) <= k for taken in measured.taken_up]


def _auroc_gate(name: str, measured: list[Measured], least: float) -> list[Gate]:
    if not measured:
        return []
    mistakes = pooled(measured)
    found = auroc(mistakes[mistakes["tested"]], "reliance")
    figures = f"{found.value:.3f} ({found.driven} driven, {found.others} others)"
    return [Gate(name, found.value >= least, f"{figures}, at least {least}")]


def _rank_gate(name: str, measured: list[Measured]) -> list[Gate]:
    placed = [each for one in measured for each in top_k(one)]
    if not placed:
        return []
    return [Gate(name, all(placed), f"{sum(placed)} of {len(placed)} among the first k")]


def _alarm_gate(name: str, measured: list[Measured]) -> list[Gate]:
    if not measured:
        return []
    alarms = [f"seed {one.seed}: {alarm}" for one in measured for alarm in one.false_alarms]
    return [Gate(name, not alarms, "; ".join(alarms) or "none")]


def _cast_gate(name: str, measured: list[Measured]) -> list[Gate]:
    if not measured:
        return []
    verdicts = cast_driven(measured)["verdict"]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.value_counts().items())
    return [Gate(name, bool(verdicts.isin(BLAMED).all()), f"of {len(verdicts)}: {counts}")]


def _coverage_gate(name: str, measured: list[Measured]) -> list[Gate]:
    rows = [counted(one.intervals) for one in measured]
    covered = pd.concat(rows)["covered"].astype(bool) if rows else pd.Series(dtype=bool)
    if covered.empty:
        return []
    figures = f"{covered.mean():.3f} of {len(covered)}, at least {LEAST_COVERAGE}"
    return [Gate(name, bool(covered.mean() >= LEAST_COVERAGE), figures)]
