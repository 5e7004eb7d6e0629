"""How much of each group of images the background decides."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from tasks.findings.audited_images import audited_images
from tasks.findings.cells import Cells, Estimates, Floats, tally
from tasks.findings.exact_tests import LEAST_TESTED, sign_flip_p_value
from tasks.findings.groups import Grouping, groupings
from tasks.findings.weighted_means import weighted_mean
from tasks.findings.weighted_shares import weighted_share
from tasks.tables.background_schemas import BACKGROUND_STATS

# Of the donors' backgrounds tried, the share on which the prediction has to turn.
TURNED = 0.5

Booleans = npt.NDArray[np.bool_]


def background_stats(verdicts: pd.DataFrame, tags: pd.DataFrame | None) -> pa.Table:
    """A row for all images, every label, predicted class, confused pair and slice, in that order.

    verdicts : columns of VERDICT_TABLE, in any order of rows
    tags : columns image_id and one per tag (str or None), or None

    Returns: a table of schema BACKGROUND_STATS; without images, without rows. Estimates weight the
    tested images by their inclusion (see `weighted_share` and `weighted_mean`); where none was
    tested they are null and their intervals say that all is possible. `p_value` tests that the
    background makes no difference to the group's mistakes (`sign_flip_p_value`), not that it makes
    no more than to correct predictions: in a model that leans on backgrounds throughout, its
    mistakes need not do so more. `control_gap` lets a reader compare.

    Raises: AuditError for verdicts or tags that are not as expected.
    """
    images = audited_images(verdicts)
    control = _mean_gap(images, np.zeros(len(images), dtype=np.int64), 1, images["correct"])
    rows = [
        _rows(images, grouping).assign(control_gap=control.value[0])
        for grouping in groupings(images, tags)
        if len(grouping.names)
    ]
    if not rows:
        return BACKGROUND_STATS.empty_table()
    columns = {
        name: pa.array([value for part in rows for value in part[name]], kind, from_pandas=True)
        for name, kind in zip(BACKGROUND_STATS.names, BACKGROUND_STATS.types, strict=True)
    }
    return pa.table(columns, schema=BACKGROUND_STATS)


def _rows(images: pd.DataFrame, grouping: Grouping) -> pd.DataFrame:
    code, groups = grouping.code, len(grouping.names)
    correct = images["correct"].to_numpy()
    tested = images["tested"].to_numpy()
    mistakes = _count(code, ~correct, groups)
    number = _count(code, np.ones_like(correct), groups)
    columns: dict[str, Any] = {
        "group": grouping.kind,
        "images": number,
        "mistakes": mistakes,
        "tested_mistakes": _count(code, ~correct & tested, groups),
        "turned_mistakes": _count(
            code, ~correct & tested & (images["turned"] >= TURNED).to_numpy(), groups
        ),
        "tested_correct": _count(code, correct & tested, groups),
        "accuracy_kept": (number - mistakes) / number,
        "p_value": _p_values(images, code, groups),
    }
    columns |= _named("driven", "_share", _driven_share(images, code, groups, ~correct))
    columns |= _named("leaning", "_share", _driven_share(images, code, groups, correct))
    columns |= _named("gap", "", _mean_gap(images, code, groups, ~correct))
    # An untested kind of image: half right is the middle of what is possible.
    replaced = weighted_share(_cells(images, code, "right_replaced", groups), untested=0.5)
    columns |= _named("accuracy_replaced", "", replaced)
    return grouping.names.assign(**columns)


def _named(name: str, ending: str, numbers: Estimates) -> dict[str, Floats]:
    return {name + ending: numbers.value, f"{name}_low": numbers.low, f"{name}_high": numbers.high}


def _driven_share(images: pd.DataFrame, code: Any, groups: int, chosen: Booleans) -> Estimates:
    return weighted_share(_cells(images, np.where(chosen, code, -1), "driven", groups))


def _mean_gap(images: pd.DataFrame, code: Any, groups: int, chosen: Any) -> Estimates:
    return weighted_mean(_cells(images, np.where(chosen, code, -1), "gap", groups))


def _cells(images: pd.DataFrame, code: Any, column: str, groups: int) -> Cells:
    return tally(code, images["correct"], images["inclusion"], images[column], groups)


def _count(code: Any, chosen: Booleans, groups: int) -> Any:
    return np.bincount(code[chosen & (code >= 0)], minlength=groups)


def _p_values(images: pd.DataFrame, code: Any, groups: int) -> Floats:
    mistakes = (code >= 0) & (~images["correct"] & images["tested"]).to_numpy()
    p_values = np.ones(groups)
    for group, part in images[mistakes].groupby(code[mistakes], sort=True):
        if len(part) >= LEAST_TESTED:
            p_values[int(group)] = gap_p_value(part)
    return p_values


def gap_p_value(tested: pd.DataFrame) -> float:
    """`sign_flip_p_value` of the gaps of tested images; one without a gap is left out."""
    return sign_flip_p_value(tested["gap"].dropna())
