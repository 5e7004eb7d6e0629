"""Each night's audit, what the check says of it against the night before, and what the diff."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tasks.check.check import check_run
from tasks.check.policy import Policy
from tasks.config import AuditConfig
from tasks.diff.stage import compare_runs
from tasks.index.plan import plan_audit
from tasks.sample.plan import SIZE
from tasks.sample.training import MEAN, STD
from tasks.tables.completion import mark_complete
from tasks.tables.storage import RunFolder
from tasks.tables.taken import count_taken
from tests.nightly.better_model import BETTER, SAMPLE
from tests.nightly.week import BETTER_MODEL_ON, DAYS, POISONED_ON, Week
from tests.tasks.tiny_audit import run_audit

MODEL = SAMPLE.parent.parent / "tasks" / "sample" / "model.py"
POLICY = Policy.model_validate(
    {
        "limit": [
            {"metric": "accuracy", "of": "class", "against": True, "drop_at_most": 0.05,
             "told_apart": True},
            {"metric": "background_driven_share", "of": "class", "against": True,
             "rise_at_most": 0.1, "told_apart": True},
        ]
    }
)  # fmt: skip


@dataclass(frozen=True)
class Night:
    """One audit of the week.

    broken : classes that the check names, by the metric whose limit they break
    lost, gained : classes whose accuracy the diff calls changed
    reused : share of the images that were taken from the night before
    """

    day: int
    images: int
    accuracy: float
    broken: dict[str, set[str]]
    lost: set[str]
    gained: set[str]
    reused: float


def play_week(week: Week, tell: Callable[[Night], None]) -> list[Night]:
    """Audit every day, each against the one before."""
    nights: list[Night] = []
    previous: RunFolder | None = None
    for day in range(1, DAYS + 1):
        manifest = week.deliver(day)
        weights = SAMPLE if day < BETTER_MODEL_ON else BETTER
        config = _config(week, manifest, weights, day, previous)
        run = run_audit(config)
        mark_complete(run, plan_audit(config).shards, config.second_pass)
        nights.append(_judge(day, run, previous))
        tell(nights[-1])
        previous = run
    return nights


def mistakes_of(week: Week, nights: list[Night]) -> list[str]:
    """Where the check or the diff says something else than what happened; nothing if all is as it
    should be."""
    wrong = []
    for night in nights:
        poisoned = {week.poisoned} if night.day == POISONED_ON else set()
        if night.broken.get("accuracy", set()) != poisoned:
            wrong.append(f"day {night.day}: accuracy broken by {night.broken.get('accuracy')}")
        if not night.broken.get("background_driven_share", set()) <= poisoned:
            wrong.append(f"day {night.day}: background broken by {night.broken}")
        if night.lost != poisoned:
            wrong.append(f"day {night.day}: the diff says lost {night.lost}")
        if night.day != BETTER_MODEL_ON and night.gained:
            wrong.append(f"day {night.day}: the diff says gained {night.gained}")
        if night.day == BETTER_MODEL_ON and week.poisoned not in night.gained:
            wrong.append(f"day {night.day}: the diff does not say that {week.poisoned} gained")
    return wrong


def _config(
    week: Week, manifest: Path, weights: Path, day: int, previous: RunFolder | None
) -> AuditConfig:
    return AuditConfig.model_validate(
        {
            "images": str(manifest),
            "model": f"{MODEL}:build",
            "weights": str(weights),
            "classes": str(SAMPLE.with_name("classes.csv")),
            "out": str(week.folder / "runs" / f"day-{day}"),
            "previous": None if previous is None else str(previous.root),
            "resize": SIZE,
            "crop": SIZE,
            "mean": MEAN,
            "std": STD,
            "shard_size": 48,
            "second_pass": 1.0,
        }
    )


def _judge(day: int, run: RunFolder, previous: RunFolder | None) -> Night:
    table = run.dataset("predictions").to_table(columns=["correct"])
    right = table["correct"].to_pylist()
    broken: dict[str, set[str]] = {}
    changed: dict[bool, set[str]] = {True: set(), False: set()}
    if previous is not None:
        for case in check_run(run, POLICY, previous).of("broken"):
            broken.setdefault(case.limit.metric, set()).add(case.measured.subject)
        for row in compare_runs(previous, run).tables["quantities"].to_pylist():
            key = row["metric"], row["group"], row["scope"]
            if key == ("accuracy", "class", "common") and row["changed"]:
                changed[bool(row["better"])].add(row["label"])
    taken = count_taken(run, "shards")
    return Night(
        day, len(right), sum(right) / len(right), broken, changed[False], changed[True],
        taken["images_taken"] / taken["images"],
    )  # fmt: skip
