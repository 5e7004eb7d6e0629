"""Groups of images that are compared with each other: all, by class, pair, slice."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.diff.alignment import Alignment
from tasks.findings.groups import FEWEST_IMAGES, MOST_VALUES

LEAST_PAIR = 3  # images of one pair in either audit; below, it is not told

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Grouping:
    """Labelled images put into groups in one way.

    kind : one of GROUPS
    subjects : of each group (label, predicted, slice): names, None where it is not about one
    code_a, code_b : of each image of the union its group in either audit, -1 for none
    """

    kind: str
    subjects: list[tuple[str | None, str | None, str | None]]
    code_a: Codes
    code_b: Codes

    def of(self, chosen: npt.NDArray[np.bool_]) -> "Grouping":
        """The same groups with no images but the chosen ones."""
        codes = (np.where(chosen, code, -1) for code in (self.code_a, self.code_b))
        return Grouping(self.kind, self.subjects, *codes)


def groupings(aligned: Alignment) -> Iterator[Grouping]:
    """All, class (of both audits), predicted, pair (of mistakes), then a grouping per tag."""
    names, sides = aligned.classes.names, (aligned.a, aligned.b)
    labelled = [(side["label"] >= 0).to_numpy() for side in sides]
    yield Grouping("all", [(None, None, None)], *(np.where(known, 0, -1) for known in labelled))
    for kind, column in (("class", "label"), ("predicted", "predicted")):
        codes = [np.where(k, s[column], -1) for s, k in zip(sides, labelled, strict=True)]
        yield _present(kind, [_subject(kind, name) for name in names], codes)
    yield _pairs(aligned)
    for tag in sorted({*aligned.tags_a.columns, *aligned.tags_b.columns}):
        found = tag_grouping(aligned, tag)
        if found is not None:
            yield found


def _subject(kind: str, name: str) -> tuple[str | None, str | None, str | None]:
    return (name, None, None) if kind == "class" else (None, name, None)


def _present(
    kind: str, subjects: list[tuple[str | None, str | None, str | None]], codes: list[Codes]
) -> Grouping:
    """Without the groups that hold no image of either audit."""
    used = np.unique(np.concatenate([code[code >= 0] for code in codes]))
    place = np.full(len(subjects) + 1, -1, dtype=np.int64)
    place[used] = np.arange(len(used))
    return Grouping(kind, [subjects[i] for i in used], *(place[code] for code in codes))


def _pairs(aligned: Alignment) -> Grouping:
    names = aligned.classes.names
    keys = []
    for side in (aligned.a, aligned.b):
        wrong = (side["correct"] == 0).to_numpy()
        key = side["label"].to_numpy(np.int64) * len(names) + side["predicted"].to_numpy(np.int64)
        keys.append(np.where(wrong, key, -1))
    told = [np.unique(key[key >= 0], return_counts=True) for key in keys]
    often = np.unique(np.concatenate([key[count >= LEAST_PAIR] for key, count in told]))
    subjects = [(names[key // len(names)], names[key % len(names)], None) for key in often]
    return Grouping("pair", list(subjects), *(_places(often, key) for key in keys))


def _places(known: Codes, keys: Codes) -> Codes:
    """Of each key its place in `known`, sorted and unique; -1 where it is not there."""
    if not len(known):
        return np.full(len(keys), -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[place] == keys, place, -1)


def tag_grouping(aligned: Alignment, tag: str) -> Grouping | None:
    """A tag that cuts either audit into comparable parts, by the rule of the findings' slices."""
    labelled = [(side["label"] >= 0).to_numpy() for side in (aligned.a, aligned.b)]
    empty = pd.Series([None] * len(aligned.pairs), dtype=object)
    columns = [tags.get(tag, empty) for tags in (aligned.tags_a, aligned.tags_b)]
    columns = [column.where(k) for column, k in zip(columns, labelled, strict=True)]
    counts = [column.value_counts() for column in columns]
    frequent = [set(count[count >= FEWEST_IMAGES].index) for count in counts]
    cuts = [len(c) <= MOST_VALUES and len(f) > 1 for c, f in zip(counts, frequent, strict=True)]
    if not any(cuts):
        return None
    values = sorted(set().union(*(f for f, cut in zip(frequent, cuts, strict=True) if cut)))
    place = {value: number for number, value in enumerate(values)}
    codes = [column.map(place).fillna(-1).to_numpy(np.int64) for column in columns]
    return Grouping("slice", [(None, None, f"{tag} = {value}") for value in values], *codes)
