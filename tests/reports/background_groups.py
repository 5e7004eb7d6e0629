"""Made-up verdicts to numbers of groups, and to statements about them."""

from typing import Any

import numpy as np

from tasks.statistics.intervals import wilson_interval
from tests.reports.background_evidence import Row

SITES = ["north <b>", "south", "west"]


def background_stats(verdicts: list[Row]) -> list[Row]:
    """Weighted shares with intervals as of a simple sample: plausible, not exact."""
    groups: dict[tuple[Any, ...], list[Row]] = {("all", -1, -1, None, None): verdicts}
    for row in verdicts:
        site = SITES[row["image_id"] % 3]
        groups.setdefault(("label", row["label"], -1, None, None), []).append(row)
        groups.setdefault(("predicted", -1, row["predicted"], None, None), []).append(row)
        groups.setdefault(("slice", -1, -1, "site", site), []).append(row)
        if not row["correct"]:
            key = ("pair", row["label"], row["predicted"], None, None)
            groups.setdefault(key, []).append(row)
    control = [row for row in verdicts if row["correct"] and row["stratum"]]
    level = _weighted(control, "gap")[0] if control else None
    return [_stats(key, rows, level) for key, rows in groups.items()]


def _stats(key: tuple[Any, ...], rows: list[Row], control: float | None) -> Row:
    group, label, predicted, tag, value = key
    mistakes = [row for row in rows if not row["correct"]]
    tested = [row for row in mistakes if row["stratum"]]
    right = [row for row in rows if row["correct"] and row["stratum"]]
    kept = 1 - len(mistakes) / len(rows)
    numbers: Row = {}
    for name, chosen, column in (
        ("driven", tested, None),
        ("leaning", right, None),
        ("accuracy_replaced", [*tested, *right], "right_replaced"),
        ("gap", tested, "gap"),
    ):
        share = name if column else f"{name}_share"
        bounds = _weighted(chosen, column) if chosen else (None, None, None)
        numbers |= dict(zip((share, f"{name}_low", f"{name}_high"), bounds, strict=True))
    return numbers | {
        "group": group,
        "label": label,
        "predicted": predicted,
        "tag": tag,
        "value": value,
        "images": len(rows),
        "mistakes": len(mistakes),
        "tested_mistakes": len(tested),
        "turned_mistakes": sum(row["turned"] == 1 for row in tested),
        "tested_correct": len(right),
        "accuracy_kept": kept,
        "control_gap": control,
        "p_value": 0.004 if tested else None,
    }


def _weighted(rows: list[Row], column: str | None) -> tuple[float, float, float]:
    """Mean weighted by 1 / inclusion; without a column the share of the confirmed."""
    weights = np.array([1 / row["inclusion"] for row in rows])
    values = np.array([row[column] if column else row["verdict"] == "confirmed" for row in rows])
    mean = float((weights * values).sum() / weights.sum())
    if column == "gap":
        half = 0.4 / np.sqrt(len(rows))
        return mean, mean - half, mean + half
    low, high = wilson_interval(round(mean * len(rows)), len(rows))
    return mean, min(mean, float(low)), max(mean, float(high))


def findings(stats: list[Row], verdicts: list[Row]) -> list[Row]:
    """A statement for each group with tested mistakes; three quarters confirmed."""
    kinds = {"pair": 0, "label": 1, "predicted": 2, "slice": 3}
    told = [row for row in stats if row["group"] in kinds and row["tested_mistakes"]]
    told.sort(key=lambda row: (kinds[row["group"]], -row["driven_share"], row["label"]))
    rows = [_finding(rank, row, verdicts) for rank, row in enumerate(told)]
    for rank, row in enumerate(rows):
        row |= {"confirmed": rank < 0.75 * len(rows), "q_value": 0.0004 + 0.02 * rank}
    context = _finding(len(rows), stats[0] | {"group": "context"}, verdicts)
    changes = {"text": "Predicted 3 more often where cluster 0 is.", "confirmed": False}
    changes |= {"effect": 0.21, "low": 0.05, "high": 0.36, "q_value": 0.3}
    return [*rows, context | changes]


def _finding(rank: int, stats: Row, verdicts: list[Row]) -> Row:
    subject = f"{stats['label']} -> {stats['predicted']}"
    if stats["tag"]:
        subject = f"{stats['tag']} = {stats['value']}"
    own = [v for v in verdicts if not v["correct"] and stats["label"] in (-1, v["label"])]
    own = [v for v in own if stats["predicted"] in (-1, v["predicted"])]
    own.sort(key=lambda v: (v["verdict"] != "confirmed", v["stratum"] is None, v["image_id"]))
    return {
        "rank": rank,
        "kind": stats["group"],
        "label": stats["label"],
        "predicted": stats["predicted"],
        "subject": subject,
        "effect": stats["driven_share"],
        "low": stats["driven_low"],
        "high": stats["driven_high"],
        "images": stats["mistakes"],
        "tested": stats["tested_mistakes"],
        "p_value": stats["p_value"],
        "text": f"Of the {stats['mistakes']} mistakes <{subject}> a share follows the background.",
        "exemplars": [v["image_id"] for v in own[:8]],
    }
