"""What other tables say of a row of `background_stats`."""

from typing import Any

import pandas as pd

from reports.quantities import Rate

_SAME = 1e-9
_KEYS = {"all": [], "pair": ["label", "predicted"], "label": ["label"], "predicted": ["predicted"]}
_COUNTED = ["mistakes", "suspected", "proxies", "gaps"]

Row = dict[Any, Any]
# By the values of _KEYS; None where verdicts are not counted.
Counts = dict[tuple[int, ...], dict[str, int]] | None


def count_pairs(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Mistakes, suspected mistakes, tested proxies and mistakes with a gap by label and
    prediction, where there are any."""
    wrong = ~verdicts["correct"].eq(True)
    counted = wrong | verdicts["stratum"].notna()
    verdicts, wrong = verdicts[counted], wrong[counted]
    flags = verdicts[_KEYS["pair"]].assign(
        mistakes=wrong,
        suspected=wrong & (verdicts["verdict"] == "suspected"),
        proxies=verdicts["stratum"].notna() & (verdicts["object_source"] == "proxy"),
        gaps=wrong & verdicts["gap"].notna(),
    )
    return flags.groupby(_KEYS["pair"], as_index=False)[_COUNTED].sum()


def counts_by_group(pairs: pd.DataFrame, kind: str) -> Counts:
    """The same counts of each group of a kind; None for slices.

    pairs : of `count_pairs`
    """
    if kind not in _KEYS:
        return None
    keys = _KEYS[kind] or ["whole"]
    sums = pairs.assign(whole=0).groupby(keys)[_COUNTED].sum()
    groups = map(tuple, sums.index.to_frame().to_numpy().tolist())
    return dict(zip(groups, sums.to_dict("records"), strict=True))


def counts_of(row: Row, counts: Counts) -> tuple[Rate, int, int]:
    """Suspected mistakes, tested proxies, and tested mistakes with a gap; of a slice the last two
    are not known, -1."""
    if counts is None:
        return Rate(0, 0), -1, -1
    key = tuple(int(row[name]) for name in _KEYS[str(row["group"])]) or (0,)
    own = counts.get(key) or dict.fromkeys(_COUNTED, 0)
    suspected = Rate(int(own["suspected"]), int(own["mistakes"]))
    return suspected, int(own["proxies"]), int(own["gaps"])


def finding_about(findings: list[Row], row: Row) -> tuple[float, bool]:
    """q-value of the statement about a group, and whether it is confirmed.

    findings : of the group's kind
    """
    for each in findings:
        if _is_about(each, row):
            return float(each["q_value"]), bool(each["confirmed"])
    return float("nan"), False


def _is_about(finding: Row, row: Row) -> bool:
    if row["group"] == "slice":
        # Others with this subject are about the slice's accuracy.
        same = finding["subject"] == f"{row['tag']} = {row['value']}"
        return same and abs(finding["effect"] - row["driven_share"]) < _SAME
    return all(finding[key] == row[key] for key in ("label", "predicted"))
