"""Statements about tags that draw answers to a class: shortcuts that the manifest has names for."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.findings.exact_tests import LEAST_TESTED, stratified_fisher_p_value
from tasks.findings.groups import Grouping, slices
from tasks.findings.sentences import points, tag_sentence
from tasks.findings.statements import Statement, exemplars
from tasks.findings.stratified_differences import StratifiedCounts, stratified_difference

# As for contexts: it is a rate among all images of all other classes.
LEAST_RISK_DIFFERENCE = 0.05
MOST_CLASSES = 100  # of those that most mistakes go to; a thousand by fifty tags take minutes


def tag_statements(
    images: pd.DataFrame, tags: pd.DataFrame | None, classes: list[str]
) -> list[Statement]:
    """For each value of a tag and each class, whether images of other classes are taken for the
    class more often with that value than images of the same classes without it.

    It needs no second pass. Labels that only one side of a tag has tell nothing, and their images
    do not count. Not tested are classes with fewer than LEAST_TESTED mistakes into them, and tags
    with fewer than LEAST_TESTED images on either side.

    images : of `audited_images`
    tags : of `groups.slices`
    """
    mistakes = images[~images["correct"].to_numpy(bool)]
    strata = int(images["label"].max()) + 1 if len(images) else 0
    statements = []
    for grouping in slices(images, tags):
        code = grouping.code[~images["correct"].to_numpy(bool)]
        seen = _tally(grouping, grouping.code, images["label"], strata)
        for class_idx in _frequent(mistakes["predicted"].to_numpy(np.int64)):
            taken = (mistakes["predicted"] == class_idx).to_numpy()
            hits = _tally(grouping, code[taken], mistakes["label"][taken], strata)
            for group, part in grouping.names.iterrows():
                counts = _count(seen, hits, int(group), class_idx)
                if min(counts.inside.sum(), counts.outside.sum()) >= LEAST_TESTED:
                    of_tag = mistakes[taken & (code == group)]
                    statements.append(_statement(part, class_idx, classes, counts, of_tag))
    return statements


def _frequent(taken_for: npt.NDArray[np.int64]) -> list[int]:
    """The classes with most mistakes into them, of equal ones the first."""
    counts = np.bincount(taken_for)
    order = np.argsort(-counts, kind="stable")
    frequent = order[counts[order] >= LEAST_TESTED][:MOST_CLASSES]
    return [int(class_idx) for class_idx in frequent]


def _tally(
    grouping: Grouping, code: npt.NDArray[np.int64], label: pd.Series, strata: int
) -> npt.NDArray[np.int64]:
    """Images by group and label, shape (groups + 1, strata); in the last row those of no group."""
    groups = len(grouping.names)
    row = np.where(code < 0, groups, code)
    cells = np.bincount(row * strata + label.to_numpy(np.int64), minlength=(groups + 1) * strata)
    return cells.reshape(groups + 1, strata)


def _count(
    seen: npt.NDArray[np.int64], hits: npt.NDArray[np.int64], group: int, class_idx: int
) -> StratifiedCounts:
    inside, hits_inside = seen[group], hits[group]
    outside, hits_outside = seen.sum(axis=0) - inside, hits.sum(axis=0) - hits_inside
    told = (inside > 0) & (outside > 0)
    told[class_idx : class_idx + 1] = False
    return StratifiedCounts(inside[told], outside[told], hits_inside[told], hits_outside[told])


def _statement(
    part: pd.Series,
    class_idx: int,
    classes: list[str],
    counts: StratifiedCounts,
    taken: pd.DataFrame,
) -> Statement:
    found = stratified_difference(counts)
    tag, value, name = part["tag"], part["value"], classes[class_idx]
    hits, number = int(counts.hits_inside.sum()), int(counts.inside.sum())
    large = found.value >= LEAST_RISK_DIFFERENCE
    others = int(counts.hits_outside.sum()), int(counts.outside.sum())
    return Statement(
        kind="tag",
        label=-1,
        predicted=class_idx,
        subject=f"{tag} = {value} -> {name}",
        effect=found.value,
        low=found.low,
        high=found.high,
        images=number,
        tested=number,
        p_value=stratified_fisher_p_value(
            counts.hits_inside,
            counts.inside,
            counts.hits_inside + counts.hits_outside,
            counts.inside + counts.outside,
        ),
        large=large,
        concerned=max(found.value, 0.0) * number,
        text=tag_sentence(
            tag, value, name, (hits, number), others, points(found.value, found.low, found.high)
        ),
        exemplars=exemplars(taken, confirmed_only=False) if large else [],
        listed=large,
    )
