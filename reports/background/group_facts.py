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


def counts_by_group(verdicts: pd.DataFrame, kind: str) -> Counts:
    """Mistakes, suspected mistakes, tested proxies and mistakes with a gap of each group of a kind;
    None for slices."""
    if kind not in _KEYS:
        return None
    keys = _KEYS[kind]
    wrong = ~verdicts["correct"].eq(True)
    flags = verdicts[keys].assign(
        whole=0,
        mistakes=wrong,
        suspected=wrong & (verdicts["verdict"] == "suspected"),
        proxies=verdicts["stratum"].notna() & (verdicts["object_source"] == "proxy"),
        gaps=wrong & verdicts["gap"].notna(),
    )
    sums = flags.groupby(keys or ["whole"])[_COUNTED].sum()
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
