"""Every quantity of two audits, group by group, with its difference."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from tasks.diff.alignment import Alignment
from tasks.diff.differences import (
    confusion_counts,
    in_both,
    mean_differences,
    rate_counts,
    rate_differences,
    sampled_differences,
)
from tasks.diff.estimates import GroupEstimates, chosen, confusion_estimate, estimate
from tasks.diff.groupings import Grouping, groupings
from tasks.diff.metrics import METRICS, Metric
from tasks.findings.multiplicity import FALSE_DISCOVERY_RATE, q_values
from tasks.tables.diff_schemas import QUANTITIES

LEAST_TESTED = 5  # images of either audit; with fewer a difference is told but not tested
LEAST_DISCORDANT = 4

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def compare_quantities(aligned: Alignment) -> pa.Table:
    """A row per metric, scope and group, in that order; the scope `common` only where images are
    in both audits, `all` only where they are not the same images.

    q-values are over all rows of a scope that could be told apart at all: with LEAST_TESTED images
    in either audit and, where the same images are in both, with LEAST_DISCORDANT that only one has
    right (fewer reach no p of 0.1 whichever way they fall; Tarone 1990, Biometrics 46:515-522).

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
                    parts.append(_told(metric, pd.concat(rows, ignore_index=True), scope, kind))
    if not parts:
        return QUANTITIES.empty_table()
    table = _judged(pd.concat(parts, ignore_index=True))
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
        counts = confusion_counts(aligned, grouping, scope)
        a = confusion_estimate(counts.hits_a, counts.images_a)
        b = confusion_estimate(counts.hits_b, counts.images_b)
        return subjects.assign(**_sides(a, b), **rate_differences(counts))
    groups = len(grouping.subjects)
    a = estimate(metric, aligned.a, grouping.code_a, groups)
    b = estimate(metric, aligned.b, grouping.code_b, groups)
    code_a = chosen(metric, aligned.a, grouping.code_a)
    code_b = chosen(metric, aligned.b, grouping.code_b)
    values_a = aligned.a[metric.column].to_numpy(np.float64)
    values_b = aligned.b[metric.column].to_numpy(np.float64)
    if metric.kind == "rate":
        differences = rate_differences(rate_counts(code_a, code_b, values_a, values_b, groups))
    elif metric.kind == "mean":
        differences = mean_differences(code_a, code_b, values_a, values_b, groups)
    else:
        differences = sampled_differences(a, b) | {"images_common": in_both(code_a, code_b, groups)}
    return subjects.assign(**_sides(a, b), **differences)


def _sides(a: GroupEstimates, b: GroupEstimates) -> dict[str, Any]:
    names = ("images", "tested", "value", "low", "high")
    return {f"{n}_{side}": getattr(e, n) for side, e in (("a", a), ("b", b)) for n in names}


def _told(metric: Metric, rows: pd.DataFrame, scope: str, kind: str) -> pd.DataFrame:
    """The rows of groups that hold an image, with all but what many tests at once leave of them."""
    known = (rows["images_a"] > 0) | (rows["images_b"] > 0)
    rows = rows[known].reset_index(drop=True)
    few = rows[["tested_a", "tested_b"]].min(axis=1) < LEAST_TESTED
    gain = rows["difference"] if metric.better == "higher" else -rows["difference"]
    better = (gain > 0).astype(object).where(gain.notna() & (gain != 0), None)
    return rows.assign(
        metric=metric.name, scope=scope, group=kind, floor=metric.floor, better=better,
        p_value=rows["p_value"].where(~few),
        **{name: rows.get(name, np.nan) for name in ("only_a", "only_b")},
    )  # fmt: skip


def _judged(table: pd.DataFrame) -> pd.DataFrame:
    same = (table["images_common"] == table["images_a"]) & (
        table["images_common"] == table["images_b"]
    )
    hopeless = same & (table["only_a"] + table["only_b"] < LEAST_DISCORDANT)
    tested = (table["p_value"].notna() & ~hopeless).to_numpy()
    q = np.full(len(table), np.nan)
    for scope in table["scope"].unique():
        of_scope = tested & (table["scope"] == scope).to_numpy()
        q[of_scope] = q_values(table["p_value"][of_scope])
    clear = ((table["low"] > 0) | (table["high"] < 0)).to_numpy()
    # Counted in images: two of a hundred are two points, whatever the last bit says.
    large = (table["difference"].abs() >= table["floor"] - 1e-12).to_numpy()
    return table.assign(q_value=q, changed=(q <= FALSE_DISCOVERY_RATE) & clear & large)
