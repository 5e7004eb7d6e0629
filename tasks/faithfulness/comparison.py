"""Methods side by side on the same images."""

from collections.abc import Collection, Mapping
from typing import Any, Literal

import pandas as pd

from tasks.errors import AuditError
from tasks.statistics.bootstrap import bootstrap_mean, paired_difference

Better = Literal["higher", "lower"]

REFERENCE = "gradcam++"


def compare_methods(
    values: pd.DataFrame,
    better: Mapping[str, Better],
    *,
    reference: str = REFERENCE,
    baselines: Collection[str] = (),
    seed: int = 0,
) -> pd.DataFrame:
    """One row per measure and method, in the order of `values`.

    values : columns image_id, method, measure, value (float; NaN where there is none), one row
        for each image, method and measure. A missing row counts as a missing value
    better : for each measure, whether a higher or a lower value is better
    reference : method that the others are compared with
    baselines : methods that have not seen the image

    Returns: columns
        measure, better, method, baseline (bool)
        value, low, high, images, missing : the mean, see `bootstrap.Estimate`
        difference, difference_low, difference_high : paired, to `reference`; NaN for itself and
            where the reference was not measured
        among_best (bool) : has the best mean, or the paired interval of its difference to that
            method holds 0. The intervals are not corrected for the number of methods

    Raises: AuditError for a measure that `better` does not know and for a value given twice.
    """
    rows: list[dict[str, Any]] = []
    for measure in values["measure"].unique():
        if measure not in better:
            raise AuditError(
                f"no word on whether higher or lower {measure!r} is better; known are "
                f"{', '.join(better)}. Add it to `better`"
            )
        by_method = _by_method(values[values["measure"] == measure], str(measure))
        rows += [
            {"measure": measure, "better": better[measure], "method": method}
            | {"baseline": method in baselines}
            | numbers
            for method, numbers in _compare(by_method, better[measure], reference, seed).items()
        ]
    return pd.DataFrame(rows)


def _by_method(values: pd.DataFrame, measure: str) -> pd.DataFrame:
    """One column per method, one row per image."""
    twice = values[values.duplicated(["image_id", "method"])]
    if len(twice):
        first = twice.iloc[0]
        raise AuditError(
            f"{measure} of {first['method']} is given twice for image {first['image_id']}; "
            "expected one value per image and method. Drop the repeated rows"
        )
    table = values.pivot(index="image_id", columns="method", values="value")
    return table[values["method"].unique()]


def _compare(
    by_method: pd.DataFrame, better: Better, reference: str, seed: int
) -> dict[str, dict[str, Any]]:
    means = by_method.mean()
    best = None if means.isna().all() else means.idxmax() if better == "higher" else means.idxmin()
    return {
        str(method): vars(bootstrap_mean(column, seed=seed))
        | _difference(by_method, method, reference, seed)
        | {"among_best": _is_tied(by_method, method, best, seed)}
        for method, column in by_method.items()
    }


def _difference(by_method: pd.DataFrame, method: Any, reference: str, seed: int) -> dict[str, Any]:
    names = ("difference", "difference_low", "difference_high")
    if method == reference or reference not in by_method:
        return dict.fromkeys(names, float("nan"))
    estimate = paired_difference(by_method[method], by_method[reference], seed=seed)
    return dict(zip(names, (estimate.value, estimate.low, estimate.high), strict=True))


def _is_tied(by_method: pd.DataFrame, method: Any, best: Any, seed: int) -> bool:
    if best is None or by_method[method].isna().all():
        return False
    if method == best:
        return True
    estimate = paired_difference(by_method[method], by_method[best], seed=seed)
    # With one image there is no interval, and nothing tells the two apart.
    return bool(estimate.images < 2 or estimate.low <= 0 <= estimate.high)
