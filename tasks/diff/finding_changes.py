"""Findings that are new, gone and still there."""

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.diff.class_pairing import ClassPairing
from tasks.diff.overlapping_rates import Bounds, mover_bounds
from tasks.diff.run_images import RunImages
from tasks.tables.background_schemas import FINDINGS
from tasks.tables.diff_schemas import FINDING_CHANGES

# Kinds whose subject names more than their classes; a context's number means nothing elsewhere.
_BY_SUBJECT = ("slice", "tag")
_EFFECT = ("effect", "low", "high")
_STATES = ("new", "still", "gone", "unconfirmed")

Row = dict[str, Any]
Key = tuple[str, str | None, str | None, str, int]


def finding_changes(run_a: RunImages, run_b: RunImages, classes: ClassPairing) -> pa.Table:
    """The findings of both audits, matched by kind and subject: the classes by name, for slices and
    tags the tag and its value. Contexts are numbered anew by every audit: those of one class are
    matched in the order of their rank.

    New: confirmed in B alone; gone: in A alone, though B may still tell it, unconfirmed; still: in
    both. The difference of the effects is taken as of independent estimates.

    Returns: a table of schema FINDING_CHANGES: new, still, gone, unconfirmed, each by rank.
    """
    a = _by_key(run_a, [classes.names[i] for i in classes.code_a])
    b = _by_key(run_b, [classes.names[i] for i in classes.code_b])
    rows = [_row(key, a.get(key), b.get(key)) for key in {**b, **a}]
    rows.sort(key=lambda row: (_STATES.index(row["state"]), _rank(row)))
    return pa.Table.from_pylist(rows, FINDING_CHANGES)


def _by_key(run: RunImages, names: list[str]) -> dict[Key, Row]:
    rows = run.run.dataset("findings").to_table(columns=FINDINGS.names).to_pylist()
    seen: dict[tuple[Any, ...], int] = defaultdict(int)
    found = {}
    for row in sorted(rows, key=lambda row: int(row["rank"])):
        label, predicted = (names[row[n]] if row[n] >= 0 else None for n in ("label", "predicted"))
        key = (row["kind"], label, predicted, row["subject"] if row["kind"] in _BY_SUBJECT else "")
        found[(*key, seen[key])] = row
        seen[key] += 1
    return found


def _row(key: Key, a: Row | None, b: Row | None) -> Row:
    sure_a, sure_b = (bool(side and side["confirmed"]) for side in (a, b))
    states = {(False, True): "new", (True, True): "still", (True, False): "gone"}
    told = b or a or {}
    row = {
        "state": states.get((sure_a, sure_b), "unconfirmed"), "kind": key[0], "label": key[1],
        "predicted": key[2], "subject": told["subject"], "confirmed_a": sure_a,
        "confirmed_b": sure_b,
    }  # fmt: skip
    for name, side in (("a", a), ("b", b)):
        row |= {
            f"{n}_{name}": (side or {}).get(n) for n in ("rank", "effect", "low", "high", "text")
        }
    if a and b:
        low, high = mover_bounds(_bounds(a), _bounds(b))
        row |= {"difference": b["effect"] - a["effect"], "low": float(low), "high": float(high)}
    return row


def _bounds(row: Row) -> Bounds:
    value, low, high = (np.asarray(row[name], dtype=np.float64) for name in _EFFECT)
    return value, low, high


def _rank(row: Row) -> int:
    return int(row["rank_b"] if row["rank_b"] is not None else row["rank_a"])
