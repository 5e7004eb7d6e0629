"""How far two rates lie apart when what else differs between the groups is held fast."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.statistics.intervals import Z_95

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class StratifiedCounts:
    """Images in two groups, and the hits among them, for each of S strata; integers, shape (S,)."""

    inside: Integers
    outside: Integers
    hits_inside: Integers
    hits_outside: Integers


@dataclass(frozen=True)
class Difference:
    """value, low, high : in [-1, 1]; NaN where no stratum holds images of both groups."""

    value: float
    low: float
    high: float


def stratified_difference(counts: StratifiedCounts) -> Difference:
    """The difference of two rates within strata, inside less outside, with a 95 % interval.

    Mantel and Haenszel's weights (Cochran 1954): a stratum counts as far as it holds images of both
    groups. The variance is that of Sato, Greenland and Robins (1989, Biometrics 45:1323), which
    holds for a few large strata as for many small ones.
    """
    n, m = counts.inside.astype(np.float64), counts.outside.astype(np.float64)
    a, b = counts.hits_inside, counts.hits_outside
    size = np.maximum(n + m, 1)
    weight = float((n * m / size).sum())
    if weight == 0:
        return Difference(float("nan"), float("nan"), float("nan"))
    value = float(((a * m - b * n) / size).sum() / weight)
    p = (n**2 * b - m**2 * a + n * m * (m - n) / 2) / size**2
    q = (a * (m - b) + b * (n - a)) / (2 * size)
    spread = Z_95 * np.sqrt(max(value * p.sum() + q.sum(), 0.0)) / weight
    return Difference(value, max(value - spread, -1.0), min(value + spread, 1.0))
