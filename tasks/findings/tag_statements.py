"""Statements about tags that draw answers to a class: shortcuts that the manifest has names for."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.findings.exact_tests import LEAST_TESTED, stratified_fisher_p_value
from tasks.findings.groups import slices
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
    label, predicted = (images[name].to_numpy(np.int64) for name in ("label", "predicted"))
    statements = []
    for grouping in slices(images, tags):
        for class_idx in _frequent(predicted[label != predicted]):
            others, taken = label != class_idx, predicted == class_idx
            for group in range(len(grouping.names)):
                inside = grouping.code == group
                counts = _count(label, others, taken, inside)
                if min(counts.inside.sum(), counts.outside.sum()) >= LEAST_TESTED:
                    shown = exemplars(images[others & taken & inside], confirmed_only=False)
                    part = grouping.names.iloc[group]
                    statements.append(_statement(part, class_idx, classes, counts, shown))
    return statements


def _frequent(taken_for: npt.NDArray[np.int64]) -> list[int]:
    """The classes with most mistakes into them, of equal ones the first."""
    counts = np.bincount(taken_for)
    order = np.argsort(-counts, kind="stable")
    frequent = order[counts[order] >= LEAST_TESTED][:MOST_CLASSES]
    return [int(class_idx) for class_idx in frequent]


def _count(
    label: npt.NDArray[np.int64],
    of_others: npt.NDArray[np.bool_],
    taken: npt.NDArray[np.bool_],
    inside: npt.NDArray[np.bool_],
) -> StratifiedCounts:
    strata = int(label.max()) + 1

    def count(chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        return np.bincount(label[of_others & chosen], minlength=strata)

    told = [count(chosen) for chosen in (inside, ~inside, inside & taken, ~inside & taken)]
    both = (told[0] > 0) & (told[1] > 0)
    return StratifiedCounts(*(numbers[both] for numbers in told))


def _statement(
    part: pd.Series,
    class_idx: int,
    classes: list[str],
    counts: StratifiedCounts,
    shown: list[int],
) -> Statement:
    found = stratified_difference(counts)
    tag, value, name = part["tag"], part["value"], classes[class_idx]
    hits, number = int(counts.hits_inside.sum()), int(counts.inside.sum())
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
        large=found.value >= LEAST_RISK_DIFFERENCE,
        concerned=max(found.value, 0.0) * number,
        text=tag_sentence(
            tag, value, name, (hits, number), others, points(found.value, found.low, found.high)
        ),
        exemplars=shown,
        listed=found.value >= LEAST_RISK_DIFFERENCE,
    )
