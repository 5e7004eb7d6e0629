"""Mended classes as the page of two audits shows and tells them."""

from dataclasses import dataclass
from typing import Any

from reports.formats import percent, plural, signed
from tasks.diff.mended import ERROR_RATE
from tasks.diff.stage import Difference

MOST_TOLD = 6  # classes of one state in sentences
_DRIVEN_SHARE = "background_driven_share"

_BETTER = {"mended": 0, "partly": 1}

Row = dict[str, Any]

MEASURES = {
    "taken_for": "images of other classes in {subject} taken for it",
    "driven": "its images mistaken because of the background",
    "driven_into": "images taken for it because of the background",
    "worst_group": "accuracy of its worst group",
    _DRIVEN_SHARE: "background-driven, of its mistakes",
}

STATES = {
    "mended": "mended",
    "partly": "mended in part",
    "still": "still there",
    "worse": "accuracy fell",
    "untested": "not tested",
    "unclear": "unclear",
}


@dataclass(frozen=True)
class MendedClass:
    """row : of MENDED; evidence : of MENDED_EVIDENCE, and its share of background-driven mistakes
    of QUANTITIES with measure 'background_driven_share'; words : what the state means here"""

    row: Row
    evidence: list[Row]
    words: str


def mended_classes(difference: Difference, scope: str) -> list[MendedClass]:
    """In the order of A's findings, the mended ones first, then those mended in part."""
    evidence = difference.tables["mended_evidence"].to_pylist()
    shares = {
        row["label"]: row | {"measure": _DRIVEN_SHARE, "subject_a": None, "subject_b": None}
        for row in difference.tables["quantities"].to_pylist()
        if (row["metric"], row["group"], row["scope"]) == (_DRIVEN_SHARE, "class", scope)
    }
    found = []
    for row in difference.tables["mended"].to_pylist():
        own = [each for each in evidence if each["label"] == row["label"]]
        share = [shares[row["label"]]] if row["label"] in shares else []
        found.append(MendedClass(row, [*own, *share], _words(row)))
    return sorted(found, key=lambda each: _BETTER.get(each.row["state"], len(_BETTER)))


def _words(row: Row) -> str:
    before = plural(
        len(row["findings_a"]), "confirmed finding of A is", "confirmed findings of A are"
    )
    if row["state"] in ("partly", "still"):
        first, *others = row["findings_b"]
        more = f" and {len(others)} more" if others else ""
        return f"{first.replace(' -> ', ' → ')}{more} in B"
    if row["state"] == "worse":
        return f"{before} gone, but its accuracy fell"
    if row["state"] == "untested":
        return "B changed no image in a second pass, so it could not find what A found"
    if row["state"] == "unclear":
        return f"{before} gone, but nothing is better for sure"
    return f"{before} gone"


def mended_sentences(difference: Difference, scope: str) -> list[str]:
    """Which classes are mended, with what fell or rose most surely; which are not, and why."""
    told = []
    for state in STATES:
        classes = [c for c in mended_classes(difference, scope) if c.row["state"] == state]
        told += [_sentence(each) for each in classes[:MOST_TOLD]]
        if len(classes) > MOST_TOLD:
            verb = STATES[state] if state in _BETTER else f"not mended ({STATES[state]})"
            told.append(f"… and {len(classes) - MOST_TOLD} more classes are {verb}.")
    return told


def _sentence(each: MendedClass) -> str:
    state = each.row["state"]
    verb = STATES[state] if state in _BETTER else "not mended"
    sure = sorted((row for row in each.evidence if row.get("clear")),
                  key=lambda row: row["p_adjusted"])  # fmt: skip
    shown = f"; {measured(sure[0])}" if sure and state in _BETTER else ""
    return f"{each.row['label']} is {verb}: {each.words}{shown}."


def measured(row: Row) -> str:
    """One piece of evidence: 'accuracy of its worst group 7 % (background = water) to 81 % ...'."""
    subjects = [row.get(f"subject_{side}") or "" for side in "ab"]
    values = [percent(row[f"value_{side}"]) for side in "ab"]
    if row["measure"] == "worst_group":
        values = [f"{v} ({s})" for v, s in zip(values, subjects, strict=True)]
    points = f"{signed(100 * row['difference'], 1)} points"
    ends = f"[{signed(100 * row['low'], 1)}, {signed(100 * row['high'], 1)}]"
    title = MEASURES[row["measure"]].format(subject=subjects[0])
    return f"{title} {values[0]} to {values[1]}, {points} {ends}"


def worst_group_sentences(difference: Difference) -> list[str]:
    """The worst groups by label and by label and tag, where chance does not explain the change."""
    return [
        f"Accuracy of the worst group by {'class' if row['tag'] is None else row['tag']}: "
        f"{_group(row, 'a')} to {_group(row, 'b')}, {signed(100 * row['difference'], 1)} points "
        f"[{signed(100 * row['low'], 1)}, {signed(100 * row['high'], 1)}]."
        for row in difference.tables["worst_groups"].to_pylist()
        if row["p_value"] <= ERROR_RATE
    ]


def _group(row: Row, side: str) -> str:
    images = plural(row[f"images_{side}"], "image")
    return f"{percent(row[f'value_{side}'])} ({row[f'group_{side}']}, {images})"
