"""Statements about classes and confused pairs."""

from typing import Any

import numpy as np
import pandas as pd

from tasks.findings.background_stats import gap_p_value
from tasks.findings.cells import tally
from tasks.findings.exact_tests import LEAST_TESTED
from tasks.findings.sentences import (
    estimate,
    label_sentence,
    leaning_sentence,
    pair_sentence,
    predicted_sentence,
)
from tasks.findings.statements import Statement, exemplars
from tasks.findings.weighted_means import weighted_mean

# Below these, chance of pasting and a model's ordinary doubts explain as much.
LEAST_SHARE = 0.15
LEAST_GAP = 0.1

# From here on a class is told as its pair.
MAIN_PAIR = 0.8


def mistake_statements(
    stats: pd.DataFrame, images: pd.DataFrame, classes: list[str]
) -> list[Statement]:
    """A statement for each pair, label and predicted class with LEAST_TESTED tested mistakes.

    A class all of whose mistakes are of one pair has none of its own: it would be the same one.

    stats : of schema BACKGROUND_STATS
    images : of `audited_images`
    """
    pairs = stats[stats["group"] == "pair"]
    chosen = stats["group"].isin(["pair", "label", "predicted"])
    mistakes = images[~images["correct"]]
    statements = []
    for row in stats[chosen & (stats["tested_mistakes"] >= LEAST_TESTED)].to_dict("records"):
        parts = _members(pairs, row)
        if row["group"] == "pair" or len(parts) > 1:
            members = _members(mistakes, row)
            statements.append(_mistake_statement(row, parts, members, classes))
    return statements


def _members(rows: pd.DataFrame, row: dict[str, Any]) -> pd.DataFrame:
    """The rows with the label and the predicted class of `row`, as far as it is about them."""
    for key in ("label", "predicted"):
        if row[key] >= 0:
            rows = rows[rows[key] == row[key]]
    return rows


def _mistake_statement(
    row: dict[str, Any], parts: pd.DataFrame, mistakes: pd.DataFrame, classes: list[str]
) -> Statement:
    tested, number = int(row["tested_mistakes"]), int(row["mistakes"])
    share = float(row["driven_share"])
    subject, text = _words(row, classes)
    return Statement(
        kind=row["group"],
        label=int(row["label"]),
        predicted=int(row["predicted"]),
        subject=subject,
        effect=share,
        low=float(row["driven_low"]),
        high=float(row["driven_high"]),
        images=number,
        tested=tested,
        p_value=float(row["p_value"]),
        large=share >= LEAST_SHARE and float(row["gap"]) >= LEAST_GAP,
        concerned=share * number,
        text=text,
        exemplars=exemplars(mistakes),
        main_pair=None if row["group"] == "pair" else _main_pair(parts, share * number),
    )


def _main_pair(parts: pd.DataFrame, concerned: float) -> tuple[int, int] | None:
    driven = (parts["driven_share"].fillna(0) * parts["mistakes"]).to_numpy()
    first = int(np.argmax(driven))
    if driven[first] <= 0 or driven[first] < MAIN_PAIR * concerned:
        return None
    return int(parts["label"].iloc[first]), int(parts["predicted"].iloc[first])


def _words(row: dict[str, Any], classes: list[str]) -> tuple[str, str]:
    """Subject and sentence."""
    tested, number, turned = (
        int(row[name]) for name in ("tested_mistakes", "mistakes", "turned_mistakes")
    )
    share = estimate(
        row["driven_share"], row["driven_low"], row["driven_high"], exact=tested == number
    )
    if row["group"] == "label":
        label = classes[row["label"]]
        return f"mistakes on {label}", label_sentence(share, number, tested, label, turned)
    predicted = classes[row["predicted"]]
    if row["group"] == "predicted":
        sentence = predicted_sentence(share, number, tested, predicted, turned)
        return f"mistakes into {predicted}", sentence
    label = classes[row["label"]]
    sentence = pair_sentence(share, number, tested, label, predicted, turned)
    return f"{label} -> {predicted}", sentence


def leaning_statements(
    stats: pd.DataFrame, images: pd.DataFrame, classes: list[str]
) -> list[Statement]:
    """A statement for each class with LEAST_TESTED tested correct predictions."""
    correct = images["correct"].to_numpy()
    code = np.where(correct, images["label"], -1)
    cells = tally(code, correct, images["inclusion"], images["gap"], len(classes))
    gaps = weighted_mean(cells).value
    rows = stats[(stats["group"] == "label") & (stats["tested_correct"] >= LEAST_TESTED)]
    return [
        _leaning_statement(row, images[code == row["label"]], gaps[row["label"]], classes)
        for row in rows.to_dict("records")
    ]


def _leaning_statement(
    row: dict[str, Any], correct: pd.DataFrame, gap: float, classes: list[str]
) -> Statement:
    tested, number = int(row["tested_correct"]), len(correct)
    share, low, high = (float(row[f"leaning_{name}"]) for name in ("share", "low", "high"))
    name = classes[row["label"]]
    words = estimate(share, low, high, exact=tested == number)
    return Statement(
        kind="leaning",
        label=int(row["label"]),
        predicted=int(row["label"]),
        subject=f"correct predictions of {name}",
        effect=share,
        low=low,
        high=high,
        images=number,
        tested=tested,
        p_value=gap_p_value(correct[correct["tested"]]),
        large=share >= LEAST_SHARE and gap >= LEAST_GAP,
        concerned=share * number,
        text=leaning_sentence(words, number, tested, name),
        exemplars=exemplars(correct),
    )
