"""Which classes are mended: what an audit blamed them for, the next can no longer find, and what
it was measured by has fallen."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.diff.alignment import Alignment
from tasks.diff.mended_evidence import evidence_of
from tasks.diff.run_images import RunImages
from tasks.tables.diff_schemas import MENDED, MENDED_EVIDENCE

ERROR_RATE = 0.05  # at most so often is any class called mended where none is
LEAST_CHANGE = 0.05  # as for tags and contexts that draw answers to a class

# Told by the first pass: the others need the second.
_OF_FIRST_PASS = ("tag", "context")

Row = dict[str, Any]


def mended(
    aligned: Alignment, finding_changes: pa.Table, quantities: pa.Table
) -> tuple[pa.Table, pa.Table]:
    """A row for each class that a confirmed finding of A was about, and what says so.

    A finding is about its label and about the class that images are taken for. A class is mended
    where all of this holds:
    - a finding of A about it was confirmed, and none of B is, nor does B tell one of A's with a
      p-value of at most ERROR_RATE by itself;
    - B could have found it: findings of the second pass are gone only where B has one;
    - one of its measures is better for sure: fewer images of other classes are taken for it in its
      context, fewer mistakes on it or into it are driven by the background, or the accuracy of its
      worst group rose, by LEAST_CHANGE, with zero outside of the interval, and with a p-value of at
      most ERROR_RATE after Holm (1979, Scandinavian Journal of Statistics 6:65-70) over all
      measures of all classes, so that an unchanged model has any class called mended at most so
      often;
    - its accuracy did not fall: a model that never names a class mends it of nothing.

    It is mended in part where all of this holds but the first: what is left is weaker, and still
    strong enough to be found.

    finding_changes, quantities : of those schemas

    Returns: tables of schema MENDED, by class as A ranks its findings, and MENDED_EVIDENCE.
    """
    changes = sorted(finding_changes.to_pylist(), key=lambda r: (r["rank_a"] is None, r["rank_a"]))
    before = _by_class(_of_a(aligned, [row for row in changes if row["confirmed_a"]]))
    after = _by_class([row for row in changes if row["confirmed_b"]])
    p_values = [_p_values(run) for run in (aligned.run_a, aligned.run_b)]
    largest = max((p_values[0][row["rank_a"]] for own in before.values() for row in own), default=0)
    rows = [r for name, own in before.items() for r in evidence_of(aligned, name, own, largest)]
    rows = _judged(rows)
    left = {name: _left(own, after.get(name, []), p_values[1]) for name, own in before.items()}
    worse = _worse(quantities)
    table = [
        {"label": name, "findings_a": [row["subject"] for row in own],
         "findings_b": left[name],
         "state": _state(aligned, name, own, bool(left[name]), rows, worse)}
        for name, own in before.items()
    ]  # fmt: skip
    return pa.Table.from_pylist(table, MENDED), pa.Table.from_pylist(rows, MENDED_EVIDENCE)


def _by_class(changes: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in changes:
        for name in dict.fromkeys([row["predicted"], row["label"]]):
            if name is not None:
                found.setdefault(name, []).append(row)
    return found


def _of_a(aligned: Alignment, changes: list[Row]) -> list[Row]:
    """With the subjects of A: where both tell a finding, FINDING_CHANGES has that of B."""
    stored = aligned.run_a.run.dataset("findings").to_table(columns=["rank", "subject"]).to_pylist()
    subjects = {row["rank"]: row["subject"] for row in stored}
    return [row | {"subject": subjects[row["rank_a"]]} for row in changes]


def _p_values(run: RunImages) -> dict[int, float]:
    stored = run.run.dataset("findings").to_table(columns=["rank", "p_value"]).to_pylist()
    return {row["rank"]: row["p_value"] for row in stored}


def _left(own: list[Row], confirmed: list[Row], p_values: dict[int, float]) -> list[str]:
    """Subjects of what B still tells of the class."""
    told = [row for row in own if not row["confirmed_b"] and row["rank_b"] is not None]
    hints = [row["subject"] for row in told if p_values[row["rank_b"]] <= ERROR_RATE]
    return [*(row["subject"] for row in confirmed), *(f"{name} (unconfirmed)" for name in hints)]


def _judged(rows: list[Row]) -> list[Row]:
    p = np.array([row["p_value"] for row in rows], dtype=np.float64)
    adjusted = np.full(len(rows), np.nan)
    told = np.isfinite(p)
    adjusted[told] = holm(p[told])
    judged = []
    for row, value in zip(rows, adjusted, strict=True):
        rise = row["measure"] == "worst_group"
        gain = row["difference"] if rise else -row["difference"]
        outside = row["low"] > 0 if rise else row["high"] < 0
        clear = bool(value <= ERROR_RATE and outside and gain >= LEAST_CHANGE - 1e-12)
        judged.append({k: _known(v) for k, v in (row | {"p_adjusted": float(value)}).items()})
        judged[-1]["clear"] = clear
    return judged


def holm(p_values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """p-values adjusted by Holm's step-down method (1979): the k-th smallest of n times n - k + 1,
    none below the one before it, at most 1.

    p_values : float, shape (n,), in [0, 1]; n may be 0
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = p[order] * (len(p) - np.arange(len(p)))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted


def _state(
    aligned: Alignment, name: str, own: list[Row], is_left: bool, rows: list[Row], worse: set[str]
) -> str:
    needs_tests = any(row["kind"] not in _OF_FIRST_PASS for row in own)
    if name in worse:
        return "still" if is_left else "worse"
    clear = any(row["clear"] for row in rows if row["label"] == name)
    if is_left:
        return "partly" if clear else "still"
    if needs_tests and not aligned.b["inclusion"].notna().any():
        return "untested"
    return "mended" if clear else "unclear"


def _worse(quantities: pa.Table) -> set[str]:
    return {
        row["label"]
        for row in quantities.to_pylist()
        if row["metric"] == "accuracy" and row["group"] == "class"
        and row["changed"] and not row["better"]
    }  # fmt: skip


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and np.isnan(value) else value
