"""The numbers that limits are about, subject by subject."""

from typing import Any

import numpy as np

from tasks.check.counted import COUNTED, counted_change
from tasks.check.one_number import NAN, Measured
from tasks.check.policy import Limit
from tasks.check.shares import SHARES
from tasks.check.two_runs import TwoRuns
from tasks.diff.estimates import GroupEstimates, confusion_estimate, estimate
from tasks.diff.groupings import Grouping
from tasks.diff.metrics import METRICS, Metric

_NOTHING = {
    "slice": "no tag of the manifest cuts the images into slices",
    "pair": "no pair of classes is confused often enough to be told",
    "layer": "no layer was mined",
}
_UNTESTED = "the second pass tested none of them"
_UNKNOWN = {
    "object_energy": "no image has a label and an object in view",
    "background_score": "of no image could an object be told",
    "localization": "no image has a label and an object in view",
    "gt_known_localization": "no image has a label and an object in view",
}


def measure(limit: Limit, runs: TwoRuns) -> list[Measured]:
    """A number per subject of the limit; at least one, which may say what is missing."""
    found = _measure(limit, runs)
    if limit.only is not None:
        by_name = {each.subject: each for each in found}
        found = [
            by_name.get(name, Measured(name, missing=f"no such {limit.subjects} was audited"))
            for name in limit.only
        ]
    reason = _NOTHING.get(limit.subjects, "no image has a label")
    return found or [Measured("all", missing=reason)]


def _measure(limit: Limit, runs: TwoRuns) -> list[Measured]:
    if limit.metric in COUNTED:
        return counted_change(limit, runs) if limit.against else COUNTED[limit.metric](runs)
    if limit.metric in SHARES:
        return SHARES[limit.metric](limit, runs)
    metric = METRICS[limit.metric]
    return _changes(metric, limit, runs) if limit.against else _values(metric, limit, runs)


def _values(metric: Metric, limit: Limit, runs: TwoRuns) -> list[Measured]:
    found = []
    for grouping in runs.groupings:
        if grouping.kind == limit.subjects:
            numbers = _estimates(metric, grouping, runs)
            found += [
                _value(metric, _name(subject), numbers, place)
                for place, subject in enumerate(grouping.subjects)
                if (grouping.code_b == place).any()
            ]
    return found


def _estimates(metric: Metric, grouping: Grouping, runs: TwoRuns) -> GroupEstimates:
    side, groups = runs.aligned.b, len(grouping.subjects)
    if metric.name != "confusion":
        return estimate(metric, side, grouping.code_b, groups)
    names = runs.aligned.classes.names
    labels = side["label"].to_numpy(np.int64)
    images = np.bincount(labels[labels >= 0], minlength=len(names))
    of = np.array([names.index(str(label)) for label, _, _ in grouping.subjects], dtype=np.int64)
    hits = np.bincount(grouping.code_b[grouping.code_b >= 0], minlength=groups)
    return confusion_estimate(hits, images[of])


def _value(metric: Metric, subject: str, numbers: GroupEstimates, place: int) -> Measured:
    images, tested = int(numbers.images[place]), int(numbers.tested[place])
    missing = _missing(metric, images, tested)
    value, low, high = (float(n[place]) for n in (numbers.value, numbers.low, numbers.high))
    return Measured(
        subject, value, low, high, images, tested, missing=missing,
        harmless=metric.of == "mistakes" and not images,
    )  # fmt: skip


def _missing(metric: Metric, images: int, tested: int) -> str:
    if metric.kind == "sampled":
        named = {"mistakes": "mistake", "correct": "correct prediction", "all": "image"}[metric.of]
        return f"there is no {named}" if not images else "" if tested else _UNTESTED
    return "" if tested else _UNKNOWN.get(metric.name, "no image has a label")


def _changes(metric: Metric, limit: Limit, runs: TwoRuns) -> list[Measured]:
    rows = [
        row
        for row in runs.quantities.to_pylist()
        if (row["metric"], row["group"]) == (metric.name, limit.subjects)
    ]
    # `all` is not told where it says the same as `common`, nor `common` where there is none.
    scopes = {row["scope"] for row in rows}
    scope = limit.scope if limit.scope in scopes else next(iter(scopes), limit.scope)
    return [_change(metric, row) for row in rows if row["scope"] == scope]


def _change(metric: Metric, row: dict[str, Any]) -> Measured:
    missing = ""
    for side, audit in (("b", "this audit"), ("a", "the earlier one")):
        why = _missing(metric, row[f"images_{side}"], row[f"tested_{side}"])
        missing = missing or (f"in {audit}: {why}" if why else "")
    value, low, high = (
        NAN if row[name] is None else row[name] for name in ("difference", "low", "high")
    )
    return Measured(
        _name((row["label"], row["predicted"], row["slice"])), value, low, high,
        row["images_b"], row["tested_b"], row["images_a"], row["tested_a"],
        changed=bool(row["changed"]), missing=missing,
        harmless=metric.of == "mistakes" and not row["images_b"],
    )  # fmt: skip


def _name(subject: tuple[str | None, str | None, str | None]) -> str:
    label, predicted, tag = subject
    if label and predicted:
        return f"{label} -> {predicted}"
    return label or predicted or tag or "all"
