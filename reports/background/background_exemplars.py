"""The few images that the pages of the background evidence show."""

from dataclasses import dataclass

import pandas as pd

from reports.background.context_clusters import CONTEXTS_LISTED, order_clusters
from reports.background.findings import listed_findings
from reports.background.stored_background import StoredBackground, StoredContexts
from reports.stored_maps import MapKey
from reports.tables import AuditTables

STRIPS_SHOWN = 120
STRIPS_PER_FINDING = 2  # of each confirmed finding, so that its pictures lead somewhere
LEANING_SHOWN = 36
PER_FINDING = 6
PER_CONTEXT = 8
PER_PATTERN = 4
PICTURES_OF_PATTERNS = 2_000  # a budget: with many classes fewer; the explorer has them all

PatternKey = tuple[int, int]  # class_idx, cluster


@dataclass(frozen=True)
class BackgroundExemplars:
    """Image ids, in the order in which they are shown.

    strips : mistakes that were tested, with pictures
    leaning : right predictions whose background was confirmed, with pictures
    findings : by rank
    contexts : (image_id, cell) by cluster
    patterns : by class and cluster
    """

    strips: list[int]
    leaning: list[int]
    findings: dict[int, list[int]]
    contexts: dict[int, list[tuple[int, int]]]
    patterns: dict[PatternKey, list[int]]

    def map_keys(self) -> set[MapKey]:
        """The maps that the pages need; a context is marked on the image alone."""
        keys = {(i, "contrast") for i in (*self.strips, *self.leaning)}
        keys |= {(i, "contrast") for ids in self.findings.values() for i in ids}
        keys |= {(i, "") for cells in self.contexts.values() for i, _ in cells}
        return keys | {(i, "predicted") for ids in self.patterns.values() for i in ids}


def choose_background_exemplars(tables: AuditTables) -> BackgroundExemplars:
    """Choose from the tables, nothing from those that the audit does not have."""
    stored = tables.background
    return BackgroundExemplars(
        strips=_choose_strips(stored) if stored else [],
        leaning=_choose_leaning(stored) if stored else [],
        findings=_of_findings(stored) if stored else {},
        contexts=_of_contexts(tables.contexts) if tables.contexts else {},
        patterns=_of_patterns(tables.patterns) if tables.patterns is not None else {},
    )


def _choose_strips(stored: StoredBackground) -> list[int]:
    """Confirmed first, then by reliance; a few of each confirmed finding in any case."""
    mistakes = _most_telling(stored, correct=False)
    found = listed_findings(stored)
    wanted = {
        int(image_id)
        for row in found[found["confirmed"]].to_dict("records")
        for image_id in row["exemplars"][:STRIPS_PER_FINDING]
    }
    kept = mistakes["image_id"].isin(wanted)
    others = mistakes[~kept].head(max(0, STRIPS_SHOWN - int(kept.sum())))
    shown = mistakes["image_id"].isin(others["image_id"]) | kept
    return [int(image_id) for image_id in mistakes.loc[shown, "image_id"]]


def _choose_leaning(stored: StoredBackground) -> list[int]:
    right = _most_telling(stored, correct=True)
    confirmed = right[right["verdict"] == "confirmed"]
    return [int(image_id) for image_id in confirmed["image_id"].head(LEANING_SHOWN)]


def _most_telling(stored: StoredBackground, correct: bool) -> pd.DataFrame:
    rows = stored.tested
    rows = rows[(rows["correct"] == correct) & rows["image_id"].isin(stored.pictured)]
    rows = rows.assign(confirmed=rows["verdict"] == "confirmed")
    return rows.sort_values(
        ["confirmed", "reliance", "image_id"], ascending=[False, False, True], na_position="last"
    )


def _of_findings(stored: StoredBackground) -> dict[int, list[int]]:
    return {
        int(row["rank"]): [int(image_id) for image_id in row["exemplars"][:PER_FINDING]]
        for row in listed_findings(stored).to_dict("records")
    }


def _of_contexts(stored: StoredContexts) -> dict[int, list[tuple[int, int]]]:
    return {
        int(row["cluster"]): [
            (int(image_id), int(cell))
            for image_id, cell in zip(row["exemplars"], row["exemplar_cells"], strict=True)
        ][:PER_CONTEXT]
        for row in order_clusters(stored).head(CONTEXTS_LISTED).to_dict("records")
    }


def _of_patterns(patterns: pd.DataFrame) -> dict[PatternKey, list[int]]:
    """With more patterns than the budget has pictures, the largest have one each."""
    number = max(1, min(PER_PATTERN, PICTURES_OF_PATTERNS // max(1, len(patterns))))
    ordered = patterns.sort_values(
        ["images", "class_idx", "cluster"], ascending=[False, True, True]
    )
    return {
        (int(row["class_idx"]), int(row["cluster"])): [int(i) for i in row["exemplars"][:number]]
        for row in ordered.head(PICTURES_OF_PATTERNS).to_dict("records")
    }
