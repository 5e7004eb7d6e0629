"""Findings as trainers need them: which images they hang on, which classes, which context."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.suggestions.audited import Audited, Bools
from tasks.suggestions.contexts import Context, context_of
from tasks.suggestions.group_balance import Group, balance


@dataclass(frozen=True)
class Case:
    """One confirmed finding.

    hanging : images whose answer hangs on the background, bool, shape (N,)
    lending : images of the class that others are taken for, in the context that does it
    context : None where no tag and no cluster names it
    groups : of its classes by context; empty without one
    """

    finding: dict[str, Any]
    hanging: Bools
    lending: Bools
    context: Context | None
    groups: list[Group]

    def group_of(self, label: int, place: int) -> Group | None:
        """That of an image, by its label and its place among the N."""
        for group in self.groups:
            if self.context and group.label == label and group.inside == self.context.inside[place]:
                return group
        return None


def cases(audited: Audited) -> list[Case]:
    """One for each confirmed finding, the gravest first."""
    return [_case(finding, audited) for finding in audited.findings]


def _case(finding: dict[str, Any], audited: Audited) -> Case:
    context = context_of(finding, audited)
    hanging = _hanging(finding, context, audited)
    labels = audited.images["label"].to_numpy(np.int64)
    lending, groups = np.zeros(len(labels), dtype=np.bool_), []
    if context is not None:
        about_slice = finding["kind"] == "slice"
        if finding["kind"] not in ("label", "slice"):
            lending = context.inside & (labels == finding["predicted"]) & ~hanging
        concerned = _classes(finding, hanging, audited)
        groups = balance(labels, context, concerned, one_side=about_slice)
    return Case(finding, hanging, lending, context, groups)


def _hanging(finding: dict[str, Any], context: Context | None, audited: Audited) -> Bools:
    """For tags and contexts every mistake into the class there, for nothing else tells them from
    the others but a verdict that clears the background; else what the second pass confirmed."""
    images, kind = audited.images, finding["kind"]
    chosen = images["correct"] == (kind == "leaning")
    for name in ("label", "predicted"):
        if finding[name] >= 0:
            chosen &= images[name] == finding[name]
    if kind in ("tag", "context"):
        chosen &= images["verdict"] != "not_background"
    else:
        chosen &= images["verdict"] == "confirmed"
    if kind in ("tag", "context", "slice"):
        chosen &= context.inside if context else False
    return chosen.to_numpy(bool)


def _classes(finding: dict[str, Any], hanging: Bools, audited: Audited) -> list[int]:
    """The class that it is about, then those that it is mixed up with."""
    about = [finding[n] for n in ("predicted", "label") if finding[n] >= 0]
    other = "predicted" if finding["kind"] == "label" else "label"
    return list(dict.fromkeys([*about, *sorted(audited.images[other][hanging].unique().tolist())]))
