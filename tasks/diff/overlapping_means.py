"""How far two means lie apart whose images are partly, wholly or not at all the same."""

import numpy as np
import numpy.typing as npt
from scipy import stats

from tasks.statistics.bootstrap import LEVEL, RESAMPLES

# Above, the bootstrap and Student's interval agree to the third digit, and draws take seconds.
MOST_DRAWN = 2_000
FEWEST = 5  # images of each; below, no interval is told

_TAILS = np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
_DRAWS_AT_ONCE = 2**22

Floats = npt.NDArray[np.float64]


def difference_of_means(
    first: npt.ArrayLike, second: npt.ArrayLike, *, seed: int = 0
) -> tuple[float, float, float, float]:
    """The second mean less the first, with its 95 % interval and two-sided p-value.

    Images are what is drawn: one that has both values is drawn with both, so what makes it easy or
    hard for both falls out. The interval is the bias-corrected and accelerated bootstrap's (BCa;
    Efron 1987; Davison and Hinkley 1997, eq. 5.21), above MOST_DRAWN images Student's from the
    influence of each image. p is Student's from the same: with both values of every image the
    paired t test.

    first, second : one number per image of the union, shape (N,); NaN where an image has none

    Returns: difference, low, high, p; all NaN where either has no number, and low, high and p NaN
    with fewer than FEWEST of either.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    known = np.isfinite(a) | np.isfinite(b)
    a, b = a[known], b[known]
    in_a, in_b = np.isfinite(a), np.isfinite(b)
    if not (in_a.any() and in_b.any()):
        return (np.nan,) * 4
    difference = float(b[in_b].mean() - a[in_a].mean())
    if min(in_a.sum(), in_b.sum()) < FEWEST:
        return difference, np.nan, np.nan, np.nan
    influence = np.where(in_b, b - b[in_b].mean(), 0) / in_b.sum()
    influence = influence - np.where(in_a, a - a[in_a].mean(), 0) / in_a.sum()
    low, high, p = _student(difference, influence)
    if len(a) <= MOST_DRAWN and np.abs(influence).max() > 1e-15:
        low, high = _bca(difference, _draw(a, b, seed), influence)
    return difference, low, high, p


def _student(difference: float, influence: Floats) -> tuple[float, float, float]:
    n = len(influence)
    error = float(np.sqrt((influence**2).sum() * n / (n - 1)))
    if error < 1e-15:
        return difference, difference, 1.0 if abs(difference) < 1e-15 else 0.0
    reach = float(stats.t.ppf(_TAILS[1], n - 1)) * error
    p = 2 * float(stats.t.sf(abs(difference) / error, n - 1))
    return difference - reach, difference + reach, p


def _draw(a: Floats, b: Floats, seed: int) -> Floats:
    """Differences of RESAMPLES draws; one without a number of either is left out."""
    generator, n = np.random.default_rng(seed), len(a)
    columns = [np.nan_to_num(a), np.isfinite(a), np.nan_to_num(b), np.isfinite(b)]
    table = np.stack(columns).astype(np.float64)
    paired = bool(table[[1, 3]].all())
    drawn = []
    for start in range(0, RESAMPLES, rows := max(1, _DRAWS_AT_ONCE // n)):
        chosen = generator.integers(0, n, (min(rows, RESAMPLES - start), n))
        if paired:
            drawn.append((b - a)[chosen].mean(axis=1))
            continue
        sums = [column[chosen].sum(axis=1) for column in table]
        some = (sums[1] > 0) & (sums[3] > 0)
        drawn.append(sums[2][some] / sums[3][some] - sums[0][some] / sums[1][some])
    return np.concatenate(drawn)


def _bca(estimate: float, drawn: Floats, influence: Floats) -> tuple[float, float]:
    below = ((drawn < estimate).mean() + (drawn <= estimate).mean()) / 2
    bias = stats.norm.ppf(np.clip(below, 1 / len(drawn), 1 - 1 / len(drawn)))
    # Eq. 6.6 of Efron 1987: the skewness of the influence, over six.
    acceleration = (influence**3).sum() / (6 * (influence**2).sum() ** 1.5)
    z = bias + stats.norm.ppf(_TAILS)
    low, high = np.quantile(drawn, stats.norm.cdf(bias + z / (1 - acceleration * z)))
    return float(low), float(high)
