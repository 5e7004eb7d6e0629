"""How well a ranking of mistakes, a verdict or an interval agrees with the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

PRECISION_AT = (10, 50, 100)
DRAWS = 1000  # of the bootstrap
GROUPS = ("all", "predicted", "pair")


@dataclass(frozen=True)
class Auroc:
    """Area under the ROC curve in [0, 1], NaN where one kind is missing; and how many of each."""

    value: float
    driven: int
    others: int


def auroc(mistakes: pd.DataFrame, measure: str) -> Auroc:
    """How well a measure tells driven mistakes from others; rows without the measure are left out.

    mistakes : columns `driven` (bool) and the measure
    """
    known = mistakes[mistakes[measure].notna()]
    driven = int(known["driven"].sum())
    others = len(known) - driven
    if not driven or not others:
        return Auroc(float("nan"), driven, others)
    value = roc_auc_score(known["driven"].to_numpy(bool), known[measure].to_numpy(float))
    return Auroc(float(value), driven, others)


def auroc_interval(mistakes: pd.DataFrame, measure: str) -> tuple[float, float]:
    """95 % percentile bootstrap of `auroc` over the mistakes; driven and others drawn apart."""
    known = mistakes[mistakes[measure].notna()]
    driven = known.loc[known["driven"].to_numpy(bool), measure].to_numpy(float)
    others = known.loc[~known["driven"].to_numpy(bool), measure].to_numpy(float)
    if not len(driven) or not len(others):
        return float("nan"), float("nan")
    # The area is the share of pairs in the right order: each pair is compared once.
    above = np.sign(driven[:, None] - others) / 2 + 0.5
    rng = np.random.default_rng(0)
    rows = rng.integers(len(driven), size=(DRAWS, len(driven)))
    columns = rng.integers(len(others), size=(DRAWS, len(others)))
    pairs = zip(rows, columns, strict=True)
    areas = [float(above[np.ix_(row, column)].mean()) for row, column in pairs]
    low, high = np.quantile(areas, (0.025, 0.975))
    return float(low), float(high)


def precision_at(mistakes: pd.DataFrame, k: int) -> float:
    """Share of driven mistakes among the first k; NaN where there are fewer than k mistakes.

    Tested mistakes come first, by `reliance`, then the others by the first pass's `score`; equal
    ones by `image_id`.
    """
    if len(mistakes) < k:
        return float("nan")
    keys = mistakes.assign(
        untested=~mistakes["tested"],
        key=-mistakes["reliance"].where(mistakes["tested"], mistakes["score"]).astype(float),
    )
    ranked = keys.sort_values(["untested", "key", "image_id"], na_position="last")
    return float(ranked["driven"].head(k).mean())


def recall(mistakes: pd.DataFrame) -> float:
    """Share of the tested, driven mistakes whose verdict is `confirmed`; NaN without any."""
    driven = mistakes[mistakes["tested"] & mistakes["driven"]]
    return float((driven["verdict"] == "confirmed").mean()) if len(driven) else float("nan")


def precision(mistakes: pd.DataFrame) -> float:
    """Share of driven ones among the confirmed mistakes; NaN without any."""
    confirmed = mistakes[mistakes["verdict"] == "confirmed"]
    return float(confirmed["driven"].mean()) if len(confirmed) else float("nan")


def intervals(stats: pd.DataFrame, mistakes: pd.DataFrame) -> pd.DataFrame:
    """Every interval of a driven share with the true share of its group.

    stats : rows of `background_stats`
    mistakes : all mistakes of the audit, tested or not, with `driven`

    Returns a row per group of GROUPS with a tested mistake: group, tested, estimate, low, high,
    true, covered. Ends that miss the true share by rounding alone count as covering.
    """
    rows = []
    told = stats[stats["group"].isin(GROUPS) & (stats["tested_mistakes"] > 0)]
    for row in told.itertuples():
        inside = np.ones(len(mistakes), bool)
        if row.group in ("pair", "label"):
            inside &= (mistakes["label"] == row.label).to_numpy()
        if row.group in ("pair", "predicted"):
            inside &= (mistakes["predicted"] == row.predicted).to_numpy()
        if not inside.any() or pd.isna(row.driven_low):
            continue
        true = float(mistakes.loc[inside, "driven"].mean())
        rows.append(
            {
                "group": row.group,
                "tested": row.tested_mistakes,
                "estimate": row.driven_share,
                "low": row.driven_low,
                "high": row.driven_high,
                "true": true,
                "covered": row.driven_low - 1e-9 <= true <= row.driven_high + 1e-9,
            }
        )
    columns = ["group", "tested", "estimate", "low", "high", "true", "covered"]
    return pd.DataFrame(rows, columns=columns)
