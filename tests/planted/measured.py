"""All figures of one audit of the benchmark."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.tables.storage import RunFolder
from tests.planted.arms import ARMS
from tests.planted.dataset import DONE
from tests.planted.metrics import intervals
from tests.planted.mistakes import mistakes_of, read_merged
from tests.planted.ranks import (
    class_ranks,
    confirmed_classes,
    context_ranks,
    second_pass_ranks,
    tag_ranks,
    taken_up,
    untagged_ranks,
    worst_group_found,
)
from tests.planted.truth import without_masks


@dataclass(frozen=True)
class Measured:
    """One audit held against the truth.

    Attributes
    ----------
    reached : what the search reached; the content of the dataset's search.json
    mistakes : every mistake with its measures and its truth, see `mistakes_of`
    intervals : every interval of a driven share with the true share
    taken_up : planted classes whose shortcut the model really has
    class_ranks, second_pass_ranks : place of each planted class, among all findings and among
        those of the second pass
    untagged_ranks : its place without what the tags say
    tag_ranks, context_ranks : place of its cue
    false_alarms : confirmed statements about classes and pairs
    forwards : per image, both passes
    changed : images whose class the audit's arithmetic changes; they are left out
    """

    arm: str
    seed: int
    masked: bool
    reached: dict[str, Any]
    mistakes: pd.DataFrame
    intervals: pd.DataFrame
    taken_up: list[int]
    class_ranks: dict[int, int | None]
    second_pass_ranks: dict[int, int | None]
    untagged_ranks: dict[int, int | None]
    tag_ranks: dict[int, int | None]
    context_ranks: dict[int, int | None]
    worst_found: bool
    false_alarms: list[str]
    forwards: float
    changed: int


def measure(run: RunFolder, folder: Path, masked: bool) -> Measured:
    """Hold one audit against the truth of its dataset, in `folder`."""
    truth = pd.read_parquet(folder / "truth.parquet")
    truth = truth if masked else without_masks(truth)
    reached = json.loads((folder / DONE).read_text(encoding="utf-8"))
    arm = ARMS[reached["arm"]]
    findings, stats = (read_merged(run, name) for name in ("findings", "background_stats"))
    clusters, risks = (read_merged(run, name) for name in ("context_clusters", "context_risks"))
    mistakes = mistakes_of(run, truth)
    second = json.loads(run.second_pass_file.read_text(encoding="utf-8"))
    predicted = read_merged(run, "verdicts").sort_values("image_id")["predicted"]
    return Measured(
        arm=arm.name,
        seed=reached["seed"],
        masked=masked,
        reached=reached,
        mistakes=mistakes,
        intervals=intervals(stats, mistakes),
        taken_up=taken_up(arm, truth),
        class_ranks=class_ranks(arm, findings),
        second_pass_ranks=second_pass_ranks(arm, findings),
        untagged_ranks=untagged_ranks(arm, findings),
        tag_ranks=tag_ranks(arm, findings),
        context_ranks=context_ranks(arm, clusters, risks, truth),
        worst_found=worst_group_found(arm, findings, truth),
        false_alarms=confirmed_classes(findings),
        forwards=1 + second["forwards"] / len(truth),
        changed=int((predicted.to_numpy() != truth["predicted"].to_numpy()).sum()),
    )
