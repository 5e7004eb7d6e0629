"""How far two independent rates lie apart: interval and test."""

import numpy as np
import numpy.typing as npt
from scipy.stats import hypergeom

from tasks.statistics.intervals import Z_95, wilson_interval

Floats = npt.NDArray[np.float64]


def newcombe_interval(
    successes: npt.ArrayLike,
    trials: npt.ArrayLike,
    other_successes: npt.ArrayLike,
    other_trials: npt.ArrayLike,
    z: float = Z_95,
) -> tuple[Floats, Floats]:
    """Interval of the difference of two rates, from the Wilson interval of each (Newcombe 1998,
    Statistics in Medicine 17:873-890, method 10).

    Arguments are integers of one shape, 0 <= successes <= trials.

    Returns: lower and upper bound in [-1, 1], float64, same shape; NaN where either trials is 0.
    """
    low, high = wilson_interval(successes, trials, z)
    other_low, other_high = wilson_interval(other_successes, other_trials, z)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.asarray(successes, dtype=np.float64) / np.asarray(trials)
        other = np.asarray(other_successes, dtype=np.float64) / np.asarray(other_trials)
    difference = rate - other
    below = np.hypot(rate - low, other_high - other)
    above = np.hypot(high - rate, other - other_low)
    return difference - below, difference + above


def fisher_greater(
    successes: npt.ArrayLike,
    trials: npt.ArrayLike,
    other_successes: npt.ArrayLike,
    other_trials: npt.ArrayLike,
) -> Floats:
    """One-sided p-values of Fisher's exact test that the first rate is not above the other.

    The same as scipy.stats.fisher_exact(alternative="greater"), for many tables at once.

    Arguments are integers of one shape, 0 <= successes <= trials.

    Returns: float64, same shape, in (0, 1]; 1 where there are no trials.
    """
    hits, n = np.asarray(successes), np.asarray(trials)
    all_hits, all_n = hits + np.asarray(other_successes), n + np.asarray(other_trials)
    p_values = hypergeom.sf(hits - 1, all_n, all_hits, n)
    return np.clip(np.where(all_n > 0, p_values, 1.0), 0.0, 1.0)
