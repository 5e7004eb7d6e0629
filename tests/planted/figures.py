"""The figures of the benchmark as rows of tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from tasks.scenes import OBJECT_NAMES
from tests.planted.arms import ARMS
from tests.planted.gates import cast_driven, counted, pooled
from tests.planted.measured import Measured
from tests.planted.metrics import (
    GROUPS,
    PRECISION_AT,
    auroc,
    auroc_interval,
    precision,
    precision_at,
    recall,
)
from tests.planted.mistakes import MEASURES
from tests.planted.search import ACCURACY, SHORTCUT

GIVEN = {True: "masks", False: "none"}
VERDICTS = ("confirmed", "suspected", "not_background", "undetermined")
Rows = list[list[str]]


def by_arm(measured: Sequence[Measured], masked: bool | None = None) -> dict[str, list[Measured]]:
    """Audits of each arm that was run, in the order of the arms."""
    kept = [one for one in measured if masked is None or one.masked is masked]
    groups = {arm: [one for one in kept if one.arm == arm] for arm in ARMS}
    return {arm: group for arm, group in groups.items() if group}


def model_rows(measured: Sequence[Measured]) -> Rows:
    """What the search reached, a row per model."""
    rows = [["arm", "seed", "right", "mistakes", "driven", "by the shortcut", "correct that lean",
             "correlation", "on target"]]  # fmt: skip
    for arm, group in by_arm(measured, masked=True).items():
        for one in group:
            reached = one.reached
            rows.append([
                arm, str(one.seed), f"{reached['accuracy']:.1%}", str(len(one.mistakes)),
                f"{reached['driven']:.0%}",
                f"{reached['shortcut']:.0%}" if ARMS[arm].planted else "",
                f"{reached['leaning']:.1%}",
                f"{reached['correlation']:.3g}" if ARMS[arm].planted else "",
                "yes" if reached["on_target"] else "no",
            ])  # fmt: skip
    return rows


def ranking_rows(measured: Sequence[Measured]) -> Rows:
    """How well the second pass ranks mistakes, a row per arm, with and without masks."""
    rows = [["arm", "given", "AUROC of tested mistakes", "95 %", "seeds", "driven, others",
             "by the other truth", *[f"precision at {k}" for k in PRECISION_AT],
             "confirmed: precision", "confirmed: recall", "forwards per image"]]  # fmt: skip
    for masked, given in GIVEN.items():
        for arm, group in by_arm(measured, masked).items():
            mistakes = pooled(group)
            tested = mistakes[mistakes["tested"]]
            found = auroc(tested, "reliance")
            seeds = [auroc(one.mistakes[one.mistakes["tested"]], "reliance").value for one in group]
            rows.append([
                arm, given, _number(found.value), _span(auroc_interval(tested, "reliance")),
                _range(seeds), f"{found.driven}, {found.others}",
                _number(auroc(_by_other_truth(tested, masked), "reliance").value),
                *[_number(_mean(precision_at(one.mistakes, k) for one in group), 2)
                  for k in PRECISION_AT],
                _number(precision(mistakes), 2), _number(recall(mistakes), 2),
                f"{np.mean([one.forwards for one in group]):.2f}",
            ])  # fmt: skip
    return rows


def baseline_rows(measured: Sequence[Measured], masked: bool) -> Rows:
    """AUROC of every measure on the same tested mistakes, a row per measure."""
    arms = {arm: pooled(group) for arm, group in by_arm(measured, masked).items()}
    rows = [["measure", *arms]]
    for measure in MEASURES:
        values = [auroc(table[table["tested"]], measure).value for table in arms.values()]
        rows.append([MEASURES[measure], *[_number(value) for value in values]])
    return rows


def finding_rows(measured: Sequence[Measured]) -> Rows:
    """Where planted classes and cues stand among the findings, a row per audit."""
    rows = [["arm", "seed", "given", "planted classes", "without the tag",
             "by the second pass alone", "with their cues by tag", "their cues as contexts",
             "worst group named", "confirmed"]]  # fmt: skip
    for masked, given in GIVEN.items():
        for arm, group in by_arm(measured, masked).items():
            for one in group:
                rows.append([
                    arm, str(one.seed), given, _places(one, one.class_ranks),
                    _places(one, one.untagged_ranks), _places(one, one.second_pass_ranks),
                    _places(one, one.tag_ranks), _places(one, one.context_ranks),
                    "yes" if one.worst_found else "no", str(len(one.false_alarms)),
                ])  # fmt: skip
    return rows


def coverage_rows(measured: Sequence[Measured]) -> Rows:
    """How often intervals of driven shares cover the true share."""
    rows = [["given", "group", "intervals that count", "cover", "mean width", "mean error",
             "of all intervals"]]  # fmt: skip
    for masked, given in GIVEN.items():
        tables = [one.intervals for one in measured if one.masked is masked]
        if not tables:
            continue
        everything = pd.concat(tables, ignore_index=True)
        for group in (*GROUPS, "together"):
            rows_of = everything if group == "together" else everything.query("group == @group")
            told = counted(rows_of)
            rows.append([
                given, group, str(len(told)), _number(_mean(told["covered"])),
                _number(_mean(told["high"] - told["low"]), 2),
                _number(_mean(told["estimate"] - told["true"]), 2),
                f"{_number(_mean(rows_of['covered']))} of {len(rows_of)}",
            ])  # fmt: skip
    return rows


def cast_rows(measured: Sequence[Measured]) -> Rows:
    """Verdicts of the mistakes that a colour cast drove."""
    rows = [["given", "mistakes driven by the cast", *VERDICTS]]
    for masked, given in GIVEN.items():
        group = by_arm(measured, masked).get("cast", [])
        if group:
            verdicts = cast_driven(group)["verdict"]
            shares = [f"{(verdicts == verdict).mean():.0%}" for verdict in VERDICTS]
            rows.append([given, str(len(verdicts)), *shares])
    return rows


def explain_target() -> str:
    """The targets of the search in words."""
    return (
        f"{ACCURACY[0]:.0%} to {ACCURACY[1]:.0%} right and, where a cue is planted, "
        f"{SHORTCUT[0]:.0%} to {SHORTCUT[1]:.0%} of the mistakes driven by it"
    )


def _by_other_truth(mistakes: pd.DataFrame, masked: bool) -> pd.DataFrame:
    """With masks the mistakes by the truth that keeps the clutter; without, by that which goes by
    the masks."""
    return mistakes.assign(driven=mistakes["behind_share" if masked else "scene_share"] > 0.5)


def _places(one: Measured, ranks: dict[int, int | None]) -> str:
    """`mug 1, (sailboat 4)`: in brackets where the model did not take the cue up."""
    told = {
        class_idx: f"{OBJECT_NAMES[class_idx]} {rank or '-'}" for class_idx, rank in ranks.items()
    }
    return ", ".join(
        text if class_idx in one.taken_up else f"({text})" for class_idx, text in told.items()
    )


def _mean(values: Iterable[float]) -> float:
    known = [float(value) for value in values if not pd.isna(value)]
    return float(np.mean(known)) if known else float("nan")


def _number(value: float, digits: int = 3) -> str:
    return "" if np.isnan(value) else f"{value:.{digits}f}"


def _span(ends: tuple[float, float]) -> str:
    return "" if np.isnan(ends[0]) else f"{ends[0]:.2f} to {ends[1]:.2f}"


def _range(values: Sequence[float]) -> str:
    known = [value for value in values if not np.isnan(value)]
    return _span((min(known), max(known))) if known else ""
