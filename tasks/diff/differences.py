"""Differences of groups between two audits, and what they rest on."""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.diff.alignment import Alignment
from tasks.diff.estimates import GroupEstimates
from tasks.diff.groupings import Grouping
from tasks.diff.overlapping_means import difference_of_means
from tasks.diff.overlapping_rates import (
    TwoRates,
    mover_bounds,
    overlapping_interval,
    p_from_interval,
    rates_p_value,
)

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def rate_counts(
    code_a: Codes, code_b: Codes, values_a: Floats, values_b: Floats, groups: int
) -> TwoRates:
    """Hits of each group in either audit and in both.

    code_a, code_b : of each image its group, -1 for none; values_a, values_b : 1, 0, NaN unknown
    """
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


def confusion_counts(aligned: Alignment, grouping: Grouping, scope: str) -> TwoRates:
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
    both = in_both(code_a, code_b, len(of))
    return TwoRates(
        hits(code_a, every), images(labels[0]), hits(code_b, every), images(labels[1]),
        both, hits(code_a, shared) - both, hits(code_b, shared) - both,
        images(np.where(shared, labels[0], -1)),
    )  # fmt: skip


def in_both(code_a: Codes, code_b: Codes, groups: int) -> Codes:
    """Images of each group that are in it in both audits."""
    return np.bincount(code_a[(code_a >= 0) & (code_a == code_b)], minlength=groups)


def rate_differences(counts: TwoRates) -> dict[str, Any]:
    """Columns of QUANTITIES, of shape (groups,)."""
    low, high = overlapping_interval(counts)
    return {
        "images_common": counts.common, "only_a": counts.only_a, "only_b": counts.only_b,
        "difference": counts.difference, "low": low, "high": high,
        "p_value": rates_p_value(counts),
    }  # fmt: skip


def mean_differences(
    code_a: Codes, code_b: Codes, values_a: Floats, values_b: Floats, groups: int
) -> dict[str, Any]:
    """Columns of QUANTITIES, of shape (groups,); arguments as for `rate_counts`, any finite
    values."""
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


def sampled_differences(a: GroupEstimates, b: GroupEstimates) -> dict[str, Any]:
    """Which images were tested differs between the audits, and so does which are mistakes: the two
    estimates are held against each other as if independent. Answers to the same images mostly go
    together, and then the interval is too wide."""
    low, high = mover_bounds((a.value, a.low, a.high), (b.value, b.low, b.high))
    difference = b.value - a.value
    p = p_from_interval(difference, low, high)
    return {"difference": difference, "low": low, "high": high, "p_value": p}
