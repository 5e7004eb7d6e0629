"""The accuracy of the worst group of two audits."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.diff.alignment import Alignment
from tasks.diff.differences import rate_counts
from tasks.diff.groupings import Grouping, tag_grouping
from tasks.diff.overlapping_rates import TwoRates, mover_bounds, overlapping_interval
from tasks.statistics.intervals import wilson_interval
from tasks.tables.diff_schemas import WORST_GROUPS

LEAST_IMAGES = 10  # of a group in either audit; the worst of smaller ones is the luckless one
DRAWS = 9_999

# Of hundreds of thousands of groups, those that could be the worst in a draw.
_MOST_GROUPS = 1_000

Codes = npt.NDArray[np.int64]
Row = dict[str, Any]


def worst_groups(aligned: Alignment) -> pa.Table:
    """A row for groups by label alone, then one for label x value of each tag that cuts the images;
    over the images in both, where there are any. Groups with fewer than LEAST_IMAGES in either
    audit do not count, and a worst one takes two that do.

    Returns: a table of schema WORST_GROUPS.
    """
    names = aligned.classes.names
    labels = shared_labels(aligned)
    rows = [_row(aligned, None, labels, [str(name) for name in names])]
    for tag, values, codes in tags_of_both(aligned):
        joined = [
            _joined(label, code, len(values)) for label, code in zip(labels, codes, strict=True)
        ]
        titles = [f"{name}, {value}" for name in names for value in values]
        rows.append(_row(aligned, tag, joined, titles))
    return pa.Table.from_pylist([row for row in rows if row], WORST_GROUPS)


def shared_labels(aligned: Alignment) -> list[Codes]:
    """Of each image its label in A and in B; -1 for one that is not compared."""
    inside = aligned.common if aligned.common.any() else np.ones(len(aligned.common), np.bool_)
    return [np.where(inside, s["label"], -1).astype(np.int64) for s in (aligned.a, aligned.b)]


def tags_of_both(aligned: Alignment) -> Iterator[tuple[str, list[str], list[Codes]]]:
    """Each tag with its values ("camera = 3") and of each image its value in A and B, -1 for none.
    An image in both stands where A has it: it is its answer that is compared."""
    for tag in sorted({*aligned.tags_a.columns} & {*aligned.tags_b.columns}):
        grouping = tag_grouping(aligned, str(tag))
        if grouping is not None:
            yield str(tag), [str(s[2]) for s in grouping.subjects], _codes(aligned, grouping)


def _codes(aligned: Alignment, grouping: Grouping) -> list[Codes]:
    return [grouping.code_a, np.where(aligned.common, grouping.code_a, grouping.code_b)]


def _joined(label: Codes, code: Codes, values: int) -> Codes:
    return np.where((label >= 0) & (code >= 0), label * values + code, -1)


def _row(
    aligned: Alignment, tag: str | None, codes: Sequence[Codes], titles: list[str]
) -> Row | None:
    found = compare_worst(correct_counts(aligned, codes, len(titles)), titles)
    return None if found is None else {"tag": tag, **found}


def correct_counts(aligned: Alignment, codes: Sequence[Codes], groups: int) -> TwoRates:
    """Right answers of each group; codes : of each image its group in A and in B, -1 for none."""
    values = [side["correct"].to_numpy(np.float64) for side in (aligned.a, aligned.b)]
    return rate_counts(codes[0], codes[1], values[0], values[1], groups)


def compare_worst(counts: TwoRates, titles: Sequence[str], seed: int = 0) -> Row | None:
    """The lowest rate of A and of B, each in a group of its own, and how far they lie apart.

    The lowest of several estimates is too low, the more so the smaller the groups: looking again at
    the group that was the worst in A would find it better without cause. So the worst of either is
    taken, and tested by what chance would make of it: the answers of either audit to an image are
    swapped at random (Fisher's permutation test; images that only one audit has are dealt out anew
    within their group). The interval is that of the two groups' rates, Newcombe's for paired rates
    where it is one group, and says nothing of how they were chosen.

    counts : of each group, every image in both audits or every one in a single one
    titles : of each group

    Returns: columns of WORST_GROUPS from `groups` on; None with fewer than two groups that count.
    """
    told = np.flatnonzero(np.minimum(counts.images_a, counts.images_b) >= LEAST_IMAGES)
    if len(told) < 2:
        return None
    counts = counts.of(told)
    rates = counts.hits_a / counts.images_a, counts.hits_b / counts.images_b
    worst = [int(rate.argmin()) for rate in rates]
    a, b = (_side(counts, name, group) for name, group in zip("ab", worst, strict=True))
    difference = b["value_b"] - a["value_a"]
    low, high = _interval(counts, worst)
    return {
        "groups": len(told), "group_a": titles[told[worst[0]]], "group_b": titles[told[worst[1]]],
        **a, **b, "difference": difference, "low": low, "high": high,
        "p_value": _p_value(counts, difference, seed),
    }  # fmt: skip


def _side(counts: TwoRates, name: str, group: int) -> Row:
    hits, images = (int(getattr(counts, f"{n}_{name}")[group]) for n in ("hits", "images"))
    low, high = wilson_interval(hits, images)
    columns = {"images": images, "tested": images, "value": hits / images, "low": float(low),
               "high": float(high)}  # fmt: skip
    return {f"{n}_{name}": value for n, value in columns.items()}


def _interval(counts: TwoRates, worst: list[int]) -> tuple[float, float]:
    if worst[0] == worst[1]:
        low, high = overlapping_interval(counts.of(np.array(worst[:1])))
        return float(low[0]), float(high[0])
    sides = [_side(counts, name, group) for name, group in zip("ab", worst, strict=True)]
    a, b = (
        tuple(np.asarray(side[f"{n}_{name}"]) for n in ("value", "low", "high"))
        for name, side in zip("ab", sides, strict=True)
    )
    low, high = mover_bounds((a[0], a[1], a[2]), (b[0], b[1], b[2]))
    return float(low), float(high)


def _p_value(counts: TwoRates, difference: float, seed: int) -> float:
    lowest = np.minimum(counts.hits_a / counts.images_a, counts.hits_b / counts.images_b)
    counts = counts.of(np.sort(np.argsort(lowest, kind="stable")[:_MOST_GROUPS]))
    generator = np.random.default_rng(seed)
    size = (DRAWS, len(counts.hits_a))
    if counts.common.any():
        split = counts.only_a + counts.only_b
        kept = generator.binomial(split, 0.5, size)
        hits_a, hits_b = counts.both + kept, counts.both + split - kept
    else:
        hits, images = counts.hits_a + counts.hits_b, counts.images_a + counts.images_b
        hits_a = generator.hypergeometric(hits, images - hits, counts.images_a, size)
        hits_b = hits - hits_a
    drawn = (hits_b / counts.images_b).min(axis=1) - (hits_a / counts.images_a).min(axis=1)
    extreme = int((np.abs(drawn) >= abs(difference) - 1e-12).sum())
    return (1 + extreme) / (1 + DRAWS)
