"""The list of a whole audit: each image once, under the gravest thing to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

import pandas as pd
import pyarrow as pa

from tasks.errors import AuditError
from tasks.suggestions.audited import Audited, read_audited
from tasks.suggestions.cases import Case, cases
from tasks.suggestions.doubtful_labels import contradicting_duplicates, doubtful_labels
from tasks.suggestions.rows import Suggestion, in_words, to_augment, to_collect
from tasks.tables.storage import RunFolder
from tasks.tables.suggestion_schemas import ACTIONS, SUGGESTIONS


@dataclass(frozen=True)
class Suggestions:
    """table : of schema SUGGESTIONS
    findings : confirmed ones of the audit
    missing : sentences, one for each group that lacks images, an empty one too
    """

    table: pa.Table
    findings: int
    missing: list[str]


def suggest(run: RunFolder, per_finding: int | None = None) -> Suggestions:
    """What to do about the findings of a finished audit, image by image.

    An image that several findings are about stands once: to be relabelled before anything else,
    to be augmented before it serves as an example of what to collect, then where its group weighs
    most, then under the gravest finding.

    per_finding : the most images of one finding and action; None: all, without which the weights
        do not balance the groups

    Raises: AuditError where no audit has finished, where no image has a label, and for a
    `per_finding` below 1.
    """
    if per_finding is not None and per_finding < 1:
        raise AuditError(f"--per-finding: expected at least 1 image of each, got {per_finding}")
    audited = read_audited(run)
    found = cases(audited)
    every = [*_relabelled(audited), *_of_findings(found, audited)]
    chosen = _limited(_once(every), per_finding)
    words = [in_words(g, case, audited) for case in found for g in case.groups if g.missing]
    return Suggestions(_table(chosen, audited), len(found), list(dict.fromkeys(words)))


def _relabelled(audited: Audited) -> list[Suggestion]:
    parts = contradicting_duplicates(audited), doubtful_labels(audited)
    labels = audited.images["label"]
    return [
        Suggestion(int(row["place"]), "relabel", row["finding"],
                   audited.classes[labels.iloc[row["place"]]], 1.0, row["reason"],
                   int(row["suggested"]))
        for part in parts
        for row in part.to_dict("records")
    ]  # fmt: skip


def _of_findings(found: list[Case], audited: Audited) -> list[Suggestion]:
    told = (part(case, audited) for case in found for part in (to_augment, to_collect))
    return [suggestion for part in told for suggestion in part]


def _once(every: list[Suggestion]) -> list[Suggestion]:
    """Of each image the suggestion that comes first by action, weight and finding."""
    order = sorted(
        range(len(every)), key=lambda i: (ACTIONS.index(every[i].action), -every[i].weight, i)
    )
    kept: dict[int, int] = {}
    for number in order:
        kept.setdefault(every[number].place, number)
    return [every[number] for number in sorted(kept.values())]


def _limited(chosen: Iterable[Suggestion], most: int | None) -> list[Suggestion]:
    groups = groupby(chosen, key=lambda each: (each.finding, each.action))
    return [each for _, part in groups for each in list(part)[:most]]


def _table(chosen: list[Suggestion], audited: Audited) -> pa.Table:
    images, names = audited.images, [*audited.classes, None]
    rows = [
        {
            "uri": images["uri"].iloc[each.place],
            "label": audited.classes[images["label"].iloc[each.place]],
            "action": each.action,
            "finding": each.finding,
            "group": each.group,
            "weight": each.weight,
            "suggested_label": names[each.suggested],
            "reason": each.reason,
            "rank": rank,
        }
        for rank, each in enumerate(chosen)
    ]
    return pa.Table.from_pylist(rows, SUGGESTIONS)


def counts(table: pa.Table) -> pd.DataFrame:
    """Columns finding, action, images, in the order of the list."""
    frame = table.select(["finding", "action"]).to_pandas()
    return frame.groupby(["finding", "action"], sort=False).size().rename("images").reset_index()
