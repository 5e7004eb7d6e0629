"""Whether an audit keeps a policy."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tasks.check.measured import measure
from tasks.check.one_number import Measured
from tasks.check.policy import Limit, Policy
from tasks.check.two_runs import TwoRuns
from tasks.errors import AuditError
from tasks.tables.storage import RunFolder

Outcome = Literal["kept", "broken", "skipped"]


@dataclass(frozen=True)
class Case:
    """One limit of one subject.

    reason : of what is skipped, or fails because it cannot be judged; else ''
    """

    limit: Limit
    measured: Measured
    outcome: Outcome
    reason: str


@dataclass(frozen=True)
class CheckResult:
    """run, against : the folders' paths; against is None without one"""

    run: str
    against: str | None
    cases: tuple[Case, ...]

    def of(self, outcome: Outcome) -> list[Case]:
        return [case for case in self.cases if case.outcome == outcome]

    @property
    def kept(self) -> bool:
        """No limit is broken."""
        return not self.of("broken")


def check_run(run: RunFolder, policy: Policy, against: RunFolder | None = None) -> CheckResult:
    """Hold an audit, and what changed since another, to every limit of a policy.

    Raises: AuditError where either is no finished audit, where both have no class in common, and
    where the policy limits a change and there is no `against`.
    """
    if policy.needs_against and against is None:
        first = next(x for x in policy.limit if x.against or x.known.needs_against)
        raise AuditError(
            f"the policy limits a change ({first.title}: {first.words}); expected an earlier audit "
            "to hold this one against. Give it with --against"
        )
    runs = TwoRuns(run, against)
    cases = [
        judge(limit, measured, policy)
        for limit in policy.limit
        for measured in measure(limit, runs)
    ]
    return CheckResult(str(run.root), str(against.root) if against else None, tuple(cases))


def judge(limit: Limit, measured: Measured, policy: Policy) -> Case:
    """Hold one number to its limit. What cannot be judged is skipped with its reason, or broken
    where the policy says on_missing = "fail"."""
    number = bounded(limit, measured)
    reason = measured.missing
    if not reason and not limit.known.counted and _sample(measured) < limit.least_images:
        reason = f"too few images to judge: fewer than {limit.least_images}"
    if not reason and not np.isfinite(number):
        reason = "there is no interval" if limit.bound != "estimate" else "there is no number"
    if reason and measured.harmless:
        return Case(limit, measured, "kept", reason)
    if reason:
        fails = policy.missing_of(limit) == "fail"
        return Case(limit, measured, "broken" if fails else "skipped", reason)
    # Counted in images: a drop from 50 to 49 of 50 is 0.02, whatever the last bit says.
    broken = number > limit.limit + 1e-9
    if limit.side == "at_least":
        broken = number < limit.limit - 1e-9
    broken = broken and (measured.changed or not limit.told_apart)
    return Case(limit, measured, "broken" if broken else "kept", "")


def bounded(limit: Limit, measured: Measured) -> float:
    """The number that has to keep the limit; a drop is the change with its sign turned, so its low
    bound is that of the change's high one."""
    if limit.side == "drop_at_most":
        turned = {"estimate": measured.value, "low": measured.high, "high": measured.low}
        return -turned[limit.bound]
    return {"estimate": measured.value, "low": measured.low, "high": measured.high}[limit.bound]


def _sample(measured: Measured) -> int:
    """Images behind the number: for a change, in the smaller of the two."""
    return measured.tested if measured.tested_before is None else min(
        measured.tested, measured.tested_before
    )  # fmt: skip
