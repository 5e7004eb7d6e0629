"""How far two rates over the same images lie apart."""

import numpy as np
import numpy.typing as npt

from tasks.statistics.intervals import Z_95, wilson_interval

Floats = npt.NDArray[np.float64]


def paired_difference_interval(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    both: npt.ArrayLike,
    trials: npt.ArrayLike,
    z: float = Z_95,
) -> tuple[Floats, Floats]:
    """Interval of the first rate less the second, from the Wilson interval of each and their
    correlation (Newcombe 1998, Statistics in Medicine 17:2635-2650, method 10).

    first, second, both : images in which the first, the second, and both succeeded
    trials : images; all integers of one shape

    Returns: lower and upper bound in [-1, 1], float64, same shape; NaN where trials is 0.
    """
    n = np.asarray(trials, dtype=np.float64)
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    low_1, high_1 = wilson_interval(one, n, z)
    low_2, high_2 = wilson_interval(two, n, z)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate_1, rate_2 = one / n, two / n
    phi = _correlation(one, two, np.asarray(both, dtype=np.float64), n)

    def width(a: Floats, b: Floats) -> Floats:
        return np.sqrt(np.maximum(a**2 - 2 * phi * a * b + b**2, 0))

    difference = rate_1 - rate_2
    below = width(rate_1 - low_1, high_2 - rate_2)
    above = width(high_1 - rate_1, rate_2 - low_2)
    return np.maximum(difference - below, -1), np.minimum(difference + above, 1)


def _correlation(one: Floats, two: Floats, both: Floats, n: Floats) -> Floats:
    """Phi of the two by two table, shrunk by a continuity correction where it is positive."""
    neither = n - one - two + both
    product = both * neither - (one - both) * (two - both)
    corrected = np.where(product > 0, np.maximum(product - n / 2, 0), product)
    spread = np.sqrt(one * (n - one) * two * (n - two))
    return np.where(spread > 0, corrected / np.where(spread > 0, spread, 1), 0.0)
