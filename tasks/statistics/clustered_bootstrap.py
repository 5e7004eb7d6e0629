"""Means over things that hang together, with intervals that draw whole clusters."""

import numpy as np
import numpy.typing as npt

from tasks.statistics.bootstrap import LEVEL, RESAMPLES, Estimate

_DRAWS_AT_ONCE = 2**22


def clustered_mean(
    values: npt.ArrayLike,
    clusters: npt.ArrayLike,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Estimate:
    """The mean over all values with its percentile interval: clusters are drawn with replacement,
    each with all of its values (Davison and Hinkley 1997, section 3.8, first strategy).

    values : finite numbers, shape (N,)
    clusters : shape (N,), equal for values of one cluster
    resamples, level, seed : as in `bootstrap_mean`

    Returns: `images` counts clusters; an interval needs two of them.
    """
    numbers = np.asarray(values, dtype=np.float64)
    names, members = np.unique(np.asarray(clusters), return_inverse=True)
    if not len(names):
        return Estimate(np.nan, np.nan, np.nan, 0, 0)
    totals = np.bincount(members, weights=numbers)
    sizes = np.bincount(members).astype(np.float64)
    low = high = np.nan
    if len(names) > 1:
        generator, tail = np.random.default_rng(seed), (1 - level) / 2
        rows = max(1, _DRAWS_AT_ONCE // len(names))
        means = []
        for first in range(0, resamples, rows):
            shape = (min(rows, resamples - first), len(names))
            drawn = generator.integers(0, len(names), shape)
            means.append(totals[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
        low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return Estimate(float(numbers.mean()), float(low), float(high), len(names), 0)
