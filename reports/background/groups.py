"""The background's part by class, by pair of classes and by slice."""

import math
from dataclasses import dataclass, replace
from typing import Any

from reports.background.group_facts import (
    Counts,
    Row,
    counts_by_group,
    counts_of,
    finding_about,
)
from reports.background.stored_background import StoredBackground
from reports.explorer.links import images_link
from reports.quantities import Estimate, Rate
from reports.tables import AuditTables

ROWS_LISTED = {"all": 1, "pair": 60, "label": 100, "predicted": 100, "slice": 100}


@dataclass(frozen=True)
class Group:
    """One row of `background_stats`.

    label, predicted : -1 where the group is not about one
    tag, value : of a slice; else ''
    driven : share of the mistakes; turned : tested mistakes that are right on their label's
        backgrounds; leaning : share of the correct predictions
    kept, replaced : accuracy with the images' own backgrounds and with others
    gap : mean over mistakes, a difference of probabilities; its `tested` are those that have one:
        both classes had backgrounds to lend; control_gap : over the audit's
        correct predictions
    suspected : mistakes with that verdict, tested or not
    proxies : tested images whose object is a guess; -1 where not known for this group
    q_value : of the finding about it; NaN where there is none
    worst : of the slices of its tag
    """

    label: int
    predicted: int
    tag: str
    value: str
    mistakes: int
    driven: Estimate
    turned: Rate
    leaning: Estimate
    kept: Rate
    replaced: Estimate
    gap: Estimate
    control_gap: float
    suspected: Rate
    proxies: int
    q_value: float
    confirmed: bool
    worst: bool

    def images_href(self, root: str) -> str:
        """Its mistakes, in the explorer."""
        return images_link(
            root,
            label=self.label if self.label >= 0 else None,
            predicted=self.predicted if self.predicted >= 0 else None,
            answer="mistake",
            tags={self.tag: self.value} if self.tag else None,
        )


@dataclass(frozen=True)
class Groups:
    """rows : those that a page lists, the highest lower end of the driven share first
    total : all of the kind
    """

    rows: list[Group]
    total: int


def whole_audit(stored: StoredBackground) -> Group | None:
    """The row of all images; None where the table has none."""
    return next(iter(groups_of_kind(stored, "all").rows), None)


def slices_by_tag(stored: StoredBackground) -> dict[str, list[Group]]:
    """Slices by tag. The worst of a tag has the highest lower end of its interval: a large share
    of a few mistakes is not yet a bad slice."""
    slices: dict[str, list[Group]] = {}
    for group in groups_of_kind(stored, "slice").rows:
        first = group.tag not in slices and math.isfinite(group.driven.low)
        slices.setdefault(group.tag, []).append(replace(group, worst=first))
    return dict(sorted(slices.items()))


def name_group(tables: AuditTables, group: Group) -> str:
    """The group in words."""
    if group.tag:
        return group.value
    return " → ".join(tables.class_name(c) for c in (group.label, group.predicted) if c >= 0)


def groups_of_kind(stored: StoredBackground, kind: str) -> Groups:
    """kind : all, pair, label, predicted or slice"""
    own = stored.stats[stored.stats["group"] == kind]
    ordered = own.sort_values(
        ["driven_low", "driven_share", "mistakes", "label", "predicted", "tag", "value"],
        ascending=[False, False, False, True, True, True, True],
        na_position="last",
    )
    counts = counts_by_group(stored.pair_counts, kind)
    findings = stored.findings[stored.findings["kind"] == kind].to_dict("records")
    rows = [
        _group(findings, row, counts) for row in ordered.head(ROWS_LISTED[kind]).to_dict("records")
    ]
    return Groups(rows, len(own))


def _group(findings: list[Row], row: Row, counts: Counts) -> Group:
    mistakes, correct = int(row["mistakes"]), int(row["images"] - row["mistakes"])
    tested, tested_correct = int(row["tested_mistakes"]), int(row["tested_correct"])
    q_value, confirmed = finding_about(findings, row)
    suspected, proxies, with_gap = counts_of(row, counts)
    return Group(
        label=int(row["label"]),
        predicted=int(row["predicted"]),
        tag=_text(row["tag"]),
        value=_text(row["value"]),
        mistakes=mistakes,
        driven=_estimate(row, "driven", tested, mistakes, value="driven_share"),
        turned=Rate(int(row["turned_mistakes"]), tested),
        leaning=_estimate(row, "leaning", tested_correct, correct, value="leaning_share"),
        kept=Rate(correct, int(row["images"])),
        replaced=_estimate(row, "accuracy_replaced", tested + tested_correct, int(row["images"])),
        gap=_estimate(row, "gap", with_gap, mistakes),
        control_gap=float(row["control_gap"]),
        suspected=suspected,
        proxies=proxies,
        q_value=q_value,
        confirmed=confirmed,
        worst=False,
    )


def _estimate(row: Row, name: str, tested: int, total: int, value: str = "") -> Estimate:
    low, high = float(row[f"{name}_low"]), float(row[f"{name}_high"])
    return Estimate(float(row[value or name]), low, high, tested, total)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""  # a missing one may be None or NaN
