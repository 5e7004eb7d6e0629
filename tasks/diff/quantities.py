"""Every quantity of two audits, group by group, with its difference."""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from tasks.diff.alignment import Alignment
from tasks.diff.estimates import GroupEstimates, chosen, confusion_estimate, estimate
from tasks.diff.groupings import Grouping, groupings
from tasks.diff.metrics import METRICS, Metric
from tasks.diff.overlapping_means import difference_of_means
from tasks.diff.overlapping_rates import (
    TwoRates,
    mover_bounds,
    overlapping_interval,
    p_from_interval,
    rates_p_value,
)
from tasks.findings.multiplicity import FALSE_DISCOVERY_RATE, q_values
from tasks.tables.diff_schemas import QUANTITIES

LEAST_TESTED = 5  # images of either audit; with fewer a difference is told but not tested

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def compare_quantities(aligned: Alignment) -> pa.Table:
    """A row per metric, scope and group, in that order; the scope `common` only where images are
    in both audits, `all` only where they are not the same images.

    Returns: a table of schema QUANTITIES.
    """
    scopes = ["common"] if aligned.common.any() else []
    scopes += [] if aligned.same_images else ["all"]
    every = list(groupings(aligned))
    parts = []
    for metric in METRICS.values():
        for scope in scopes:
            for kind in metric.groups:
                found = [g for g in every if g.kind == kind and g.subjects]
                rows = [_rows(metric, aligned, _within(g, aligned, scope), scope) for g in found]
                if rows:
                    parts.append(_judged(metric, pd.concat(rows, ignore_index=True), scope, kind))
    if not parts:
        return QUANTITIES.empty_table()
    table = pd.concat(parts, ignore_index=True)
    columns = {
        name: pa.array(table[name], kind, from_pandas=True)
        for name, kind in zip(QUANTITIES.names, QUANTITIES.types, strict=True)
    }
    return pa.table(columns, schema=QUANTITIES)


def _within(grouping: Grouping, aligned: Alignment, scope: str) -> Grouping:
    return grouping if scope == "all" else grouping.of(aligned.common)


def _rows(metric: Metric, aligned: Alignment, grouping: Grouping, scope: str) -> pd.DataFrame:
    subjects = pd.DataFrame(grouping.subjects, columns=["label", "predicted", "slice"])
    if metric.name == "confusion":
        counts = _confusion_counts(aligned, grouping, scope)
        a = confusion_estimate(counts.hits_a, counts.images_a)
        b = confusion_estimate(counts.hits_b, counts.images_b)
        return subjects.assign(**_sides(a, b), **_of_rates(counts))
    groups = len(grouping.subjects)
    a = estimate(metric, aligned.a, grouping.code_a, groups)
    b = estimate(metric, aligned.b, grouping.code_b, groups)
    code_a = chosen(metric, aligned.a, grouping.code_a)
    code_b = chosen(metric, aligned.b, grouping.code_b)
    values_a = aligned.a[metric.column].to_numpy(np.float64)
    values_b = aligned.b[metric.column].to_numpy(np.float64)
    if metric.kind == "rate":
        differences = _of_rates(_counts(code_a, code_b, values_a, values_b, groups))
    elif metric.kind == "mean":
        differences = _of_means(code_a, code_b, values_a, values_b, groups)
    else:
        differences = _of_samples(a, b) | {"images_common": _in_both(code_a, code_b, groups)}
    return subjects.assign(**_sides(a, b), **differences)


def _sides(a: GroupEstimates, b: GroupEstimates) -> dict[str, Any]:
    names = ("images", "tested", "value", "low", "high")
    return {f"{n}_{side}": getattr(e, n) for side, e in (("a", a), ("b", b)) for n in names}


def _counts(
    code_a: Codes, code_b: Codes, values_a: Floats, values_b: Floats, groups: int
) -> TwoRates:
    in_a = (code_a >= 0) & np.isfinite(values_a)
    in_b = (code_b >= 0) & np.isfinite(values_b)
    hit_a, hit_b = in_a & (values_a == 1), in_b & (values_b == 1)
    both = in_a & in_b & (code_a == code_b)

    def count(code: Codes, which: npt.NDArray[np.bool_]) -> Codes:
        return np.bincount(code[which], minlength=groups)

    return TwoRates(
        count(code_a, hit_a), count(code_a, in_a), count(code_b, hit_b), count(code_b, in_b),
        count(code_a, both & hit_a & hit_b), count(code_a, both & hit_a & ~hit_b),
        count(code_a, both & ~hit_a & hit_b), count(code_a, both),
    )  # fmt: skip


def _confusion_counts(aligned: Alignment, grouping: Grouping, scope: str) -> TwoRates:
    """Of each pair: images of the label, and those taken for the other class."""
    names = aligned.classes.names
    place = {name: number for number, name in enumerate(names)}
    of = np.array([place[str(label)] for label, _, _ in grouping.subjects], dtype=np.int64)
    inside = aligned.common if scope == "common" else np.ones(len(aligned.common), dtype=np.bool_)
    labels = [np.where(inside, s["label"], -1) for s in (aligned.a, aligned.b)]
    shared = (labels[0] >= 0) & (labels[0] == labels[1])

    def images(label: Codes) -> Codes:
        return np.bincount(label[label >= 0], minlength=len(names))[of]

    def hits(code: Codes, which: npt.NDArray[np.bool_]) -> Codes:
        return np.bincount(code[which & (code >= 0)], minlength=len(of))

    code_a, code_b, every = grouping.code_a, grouping.code_b, np.ones_like(shared)
    both = _in_both(code_a, code_b, len(of))
    return TwoRates(
        hits(code_a, every), images(labels[0]), hits(code_b, every), images(labels[1]),
        both, hits(code_a, shared) - both, hits(code_b, shared) - both,
        images(np.where(shared, labels[0], -1)),
    )  # fmt: skip


def _in_both(code_a: Codes, code_b: Codes, groups: int) -> Codes:
    return np.bincount(code_a[(code_a >= 0) & (code_a == code_b)], minlength=groups)


def _of_rates(counts: TwoRates) -> dict[str, Any]:
    low, high = overlapping_interval(counts)
    return {
        "images_common": counts.common, "only_a": counts.only_a, "only_b": counts.only_b,
        "difference": counts.difference, "low": low, "high": high,
        "p_value": rates_p_value(counts),
    }  # fmt: skip


def _of_means(
    code_a: Codes, code_b: Codes, values_a: Floats, values_b: Floats, groups: int
) -> dict[str, Any]:
    parts = [
        pd.DataFrame({"group": c, "image": np.arange(len(c)), side: v})[(c >= 0) & np.isfinite(v)]
        for side, c, v in (("a", code_a, values_a), ("b", code_b, values_b))
    ]
    joined = parts[0].merge(parts[1], on=["group", "image"], how="outer")
    joined = joined.sort_values(["group", "image"], kind="stable")
    ends = np.searchsorted(joined["group"].to_numpy(), np.arange(groups + 1))
    first, second = (joined[side].to_numpy(np.float64) for side in ("a", "b"))
    found = np.full((groups, 4), np.nan)
    common = np.zeros(groups, dtype=np.int64)
    for group, (start, stop) in enumerate(pairwise(ends)):
        a, b = first[start:stop], second[start:stop]
        found[group] = difference_of_means(a, b, seed=group)
        common[group] = int((np.isfinite(a) & np.isfinite(b)).sum())
    names = ("difference", "low", "high", "p_value")
    return {"images_common": common} | dict(zip(names, found.T, strict=True))


def _of_samples(a: GroupEstimates, b: GroupEstimates) -> dict[str, Any]:
    """Which images were tested differs between the audits, and so does which are mistakes: the two
    estimates are held against each other as if independent. Where answers go together that is too
    wide, never too narrow."""
    low, high = mover_bounds((a.value, a.low, a.high), (b.value, b.low, b.high))
    difference = b.value - a.value
    p = p_from_interval(difference, low, high)
    return {"difference": difference, "low": low, "high": high, "p_value": p}


def _judged(metric: Metric, rows: pd.DataFrame, scope: str, kind: str) -> pd.DataFrame:
    known = (rows["images_a"] > 0) | (rows["images_b"] > 0)
    rows = rows[known].reset_index(drop=True)
    few = rows[["tested_a", "tested_b"]].min(axis=1) < LEAST_TESTED
    rows["p_value"] = rows["p_value"].where(~few)
    tested = rows["p_value"].notna().to_numpy()
    q = np.full(len(rows), np.nan)
    q[tested] = q_values(rows["p_value"][tested])
    size = rows["difference"].abs().to_numpy()
    gain = rows["difference"] if metric.better == "higher" else -rows["difference"]
    better = (gain > 0).astype(object).where(gain.notna() & (gain != 0), None)
    clear = ((rows["low"] > 0) | (rows["high"] < 0)).to_numpy()
    # Counted in images: two of a hundred are two points, whatever the last bit says.
    changed = (q <= FALSE_DISCOVERY_RATE) & clear & (size >= metric.floor - 1e-12)
    return rows.assign(
        metric=metric.name, scope=scope, group=kind, q_value=q, floor=metric.floor,
        changed=changed, better=better,
        **{n: rows.get(n) for n in ("only_a", "only_b")},
    )  # fmt: skip
