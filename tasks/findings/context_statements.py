"""Statements about contexts: clusters of cells whose presence goes with a prediction."""

from typing import Any

import pandas as pd

from tasks.findings.sentences import context_sentence, points
from tasks.findings.statements import MOST_EXEMPLARS, Statement

# Lower than for shares of mistakes: it is a rate among all images of all other classes.
LEAST_RISK_DIFFERENCE = 0.05


def context_statements(
    risks: pd.DataFrame | None, clusters: pd.DataFrame | None, classes: list[str]
) -> list[Statement]:
    """A statement for each context and class whose risk was tested.

    risks : columns of CONTEXT_RISKS, or None
    clusters : columns of CONTEXT_CLUSTERS, for the exemplars, or None
    """
    if risks is None:
        return []
    shown: dict[int, list[int]] = {}
    if clusters is not None:
        shown = dict(zip(clusters["cluster"], clusters["exemplars"], strict=True))
    tested = risks[risks["p_value"].notna() & (risks["present"] > 0) & (risks["absent"] > 0)]
    return [
        _statement(row, shown.get(row["cluster"], []), classes) for row in tested.to_dict("records")
    ]


def _statement(row: dict[str, Any], shown: list[int], classes: list[str]) -> Statement:
    name, cluster = classes[row["class_idx"]], int(row["cluster"])
    difference = float(row["risk_difference"])
    low, high = float(row["low"]), float(row["high"])
    present = (int(row["predicted_present"]), int(row["present"]))
    absent = (int(row["predicted_absent"]), int(row["absent"]))
    return Statement(
        kind="context",
        label=-1,
        predicted=int(row["class_idx"]),
        subject=f"context {cluster} -> {name}",
        effect=difference,
        low=low,
        high=high,
        images=present[1],
        tested=present[1],
        p_value=float(row["p_value"]),
        large=difference >= LEAST_RISK_DIFFERENCE,
        concerned=max(difference, 0.0) * present[1],
        text=context_sentence(cluster, name, present, absent, points(difference, low, high)),
        exemplars=[int(image) for image in dict.fromkeys(shown)][:MOST_EXEMPLARS],
    )
