"""Statements about slices: images with one value of a tag, against all other images."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.findings.cells import tally
from tasks.findings.class_statements import LEAST_SHARE
from tasks.findings.exact_tests import LEAST_TESTED, stratified_fisher_p_value
from tasks.findings.groups import slices
from tasks.findings.sentences import driven_slice_sentence, estimate, worst_slice_sentence
from tasks.findings.statements import Statement, exemplars
from tasks.findings.weighted_shares import weighted_share
from tasks.statistics.intervals import wilson_interval

# A slice is told where its share is this much above that of the other images.
LEAST_DIFFERENCE = 0.1


def slice_statements(images: pd.DataFrame, tags: pd.DataFrame | None) -> list[Statement]:
    """For each slice, whether its mistakes follow the background more than all others do; for each
    tag, which slice is the worst.

    images : of `audited_images`
    tags : of `groups.slices`
    """
    statements = []
    for grouping in slices(images, tags):
        parts = [
            (grouping.code == group, _Slice(row.tag, row.value))
            for group, row in enumerate(grouping.names.itertuples())
        ]
        accuracies = [_accuracy_statement(images, inside, part) for inside, part in parts]
        # Not the largest share, which the smallest slice has by chance: the largest that is sure.
        worst = int(np.argmax([statement.low for statement in accuracies]))
        statements += [
            replace(statement, listed=group == worst) for group, statement in enumerate(accuracies)
        ]
        driven = [_driven_statement(images, inside, part) for inside, part in parts]
        statements += [statement for statement in driven if statement is not None]
    return statements


class _Slice(NamedTuple):
    tag: str
    value: str

    @property
    def subject(self) -> str:
        return f"{self.tag} = {self.value}"


def _accuracy_statement(
    images: pd.DataFrame, inside: npt.NDArray[np.bool_], part: _Slice
) -> Statement:
    wrong = ~images["correct"].to_numpy()
    number, others = int(inside.sum()), int((~inside).sum())
    mistakes = int(wrong[inside].sum())
    low, high = (float(bound) for bound in wilson_interval(mistakes, number))
    share, other_share = mistakes / number, float(wrong[~inside].mean())
    words = estimate(share, low, high)
    return Statement(
        kind="slice",
        label=-1,
        predicted=-1,
        subject=part.subject,
        effect=share,
        low=low,
        high=high,
        images=number,
        tested=number,
        p_value=stratified_fisher_p_value([mistakes], [number], [wrong.sum()], [len(wrong)]),
        large=share - other_share >= LEAST_DIFFERENCE,
        concerned=max(share - other_share, 0.0) * number,
        text=worst_slice_sentence(
            part.tag, part.value, words, number, mistakes, other_share, others
        ),
        exemplars=exemplars(images[inside & wrong], confirmed_only=False),
    )


def _driven_statement(
    images: pd.DataFrame, inside: npt.NDArray[np.bool_], part: _Slice
) -> Statement | None:
    """None where too few mistakes of the slice, or of the others, were tested."""
    mistakes = ~images["correct"].to_numpy()
    code = np.where(mistakes, np.where(inside, 0, 1), -1)
    cells = tally(code, images["correct"], images["inclusion"], images["driven"], 2)
    tested = cells.tested.sum(axis=1).astype(int)
    if tested.min() < LEAST_TESTED:
        return None
    found = weighted_share(cells)
    number, others = (int(count) for count in cells.images.sum(axis=1))
    words = [
        estimate(found.value[i], found.low[i], found.high[i], exact=bool(tested[i] == count))
        for i, count in enumerate((number, others))
    ]
    share, difference = float(found.value[0]), float(found.value[0] - found.value[1])
    return Statement(
        kind="slice",
        label=-1,
        predicted=-1,
        subject=part.subject,
        effect=share,
        low=float(found.low[0]),
        high=float(found.high[0]),
        images=number,
        tested=int(tested[0]),
        p_value=stratified_fisher_p_value(
            cells.total[0], cells.tested[0], cells.total.sum(axis=0), cells.tested.sum(axis=0)
        ),
        large=share >= LEAST_SHARE and difference >= LEAST_DIFFERENCE,
        concerned=max(difference, 0.0) * number,
        text=driven_slice_sentence(
            part.subject, words[0], number, int(tested[0]), words[1], others
        ),
        exemplars=exemplars(images[inside & mistakes]),
    )
