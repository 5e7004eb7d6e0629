"""One quantity of the groups of one audit, with its denominators and interval."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from tasks.diff.metrics import Metric
from tasks.findings.cells import tally
from tasks.findings.weighted_shares import weighted_share
from tasks.statistics.intervals import Z_95, wilson_interval

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class GroupEstimates:
    """Of each group, shape (groups,); value, low, high are NaN where nothing is known.

    images : the denominator
    tested : of those, what the number was estimated from
    """

    images: Codes
    tested: Codes
    value: Floats
    low: Floats
    high: Floats


def estimate(metric: Metric, images: pd.DataFrame, code: Codes, groups: int) -> GroupEstimates:
    """Rates have Wilson's interval, means Student's, clipped to [0, 1], sampled shares that of
    `weighted_share`: Horvitz-Thompson over the tested images of the group.

    images : columns of `Alignment.a`; code : of each its group, -1 for none
    """
    code = chosen(metric, images, code)
    values = images[metric.column].to_numpy(np.float64)
    if metric.kind == "sampled":
        return _sampled(metric, images, code, values, groups)
    known = (code >= 0) & np.isfinite(values)
    n = np.bincount(code[known], minlength=groups)
    total = np.bincount(code[known], values[known], groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = total / n
    if metric.kind == "rate":
        return GroupEstimates(n, n, value, *wilson_interval(total, n))
    return GroupEstimates(n, n, value, *_student(code[known], values[known], n, value))


def chosen(metric: Metric, images: pd.DataFrame, code: Codes) -> Codes:
    """The group of each image that the metric is about, else -1."""
    if metric.of == "all":
        return code
    wanted = 0.0 if metric.of == "mistakes" else 1.0
    return np.where((images["correct"] == wanted).to_numpy(), code, -1)


def confusion_estimate(hits: Codes, images: Codes) -> GroupEstimates:
    """The share of a label's images that are taken for the other class.

    hits : images of each pair; images : of each pair's label
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        value = hits / images
    return GroupEstimates(images, images, value, *wilson_interval(hits, images))


def _sampled(
    metric: Metric, images: pd.DataFrame, code: Codes, values: Floats, groups: int
) -> GroupEstimates:
    inside = code >= 0
    cells = tally(
        code[inside], (images["correct"] == 1).to_numpy()[inside],
        images["inclusion"].to_numpy(np.float64)[inside], values[inside], groups,
    )  # fmt: skip
    tested = cells.tested.sum(axis=1).astype(np.int64)
    # As in `background_stats`: of an untested kind of image, half right is the middle.
    found = weighted_share(cells, untested=0.5 if metric.of == "all" else 0.0)
    bounds = (np.where(tested > 0, bound, np.nan) for bound in (found.low, found.high))
    return GroupEstimates(cells.images.sum(axis=1).astype(np.int64), tested, found.value, *bounds)


def _student(code: Codes, values: Floats, n: Codes, mean: Floats) -> tuple[Floats, Floats]:
    squares = np.bincount(code, (values - mean[code]) ** 2, len(n))
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(squares / (n - 1) / n)
    reach = np.where(n > 1, stats.t.ppf(stats.norm.cdf(Z_95), np.maximum(n - 1, 1)), np.nan) * error
    return np.maximum(mean - reach, 0), np.minimum(mean + reach, 1)
