"""Shards that failed for good, and what is said of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tasks.errors import AuditError
from tasks.index.plan import Plan
from tasks.tables.shards import Shard


@dataclass(frozen=True)
class FailedShard:
    """A shard that failed three times, with the last of its errors."""

    shard: Shard
    error: BaseException

    @property
    def reason(self) -> str:
        return f"{type(self.error).__name__}: {self.error}"

    def __str__(self) -> str:
        return f"{shard_name(self.shard)}: {self.reason}"


def shard_name(shard: Shard) -> str:
    """As the user sees it: shard-00012, or test-00012 in the second pass."""
    return f"{'shard' if shard.stage == 'shards' else 'test'}-{shard.index:05d}"


def tell_failed(failed: Sequence[FailedShard], shards: int) -> str:
    """How many of how many failed, and why the first three did."""
    reasons = "\n  ".join(map(str, failed[:3]))
    return f"{len(failed)} of {shards} shards failed, three times each:\n  {reasons}"


@contextmanager
def or_told(failed: Sequence[FailedShard], shards: int) -> Iterator[None]:
    """What kept a shard from being done may keep its failure from being noted, too.

    Raises: AuditError that tells of the shards, in place of OSError.
    """
    try:
        yield
    except OSError as error:
        raise AuditError(
            f"{tell_failed(failed, shards)}\nNor could that be noted: {error}\nThe others are "
            "stored. Mend the cause and run the same command again"
        ) from error


def refuse_incomplete(plan: Plan, failed: Sequence[FailedShard], shards: int) -> None:
    """Raises: AuditError where any failed; by now all else is stored.

    shards : of both passes
    """
    if failed:
        raise AuditError(
            f"This audit is incomplete: {tell_failed(failed, shards)}\n"
            f"Its report, {plan.run.report_file}, is of the others, and says so. Mend the cause "
            "and run the same command again: it tries the failed shards anew"
        )
