"""How far two means lie apart whose images are partly, wholly or not at all the same."""

import numpy as np
import numpy.typing as npt
from scipy import stats

from tasks.statistics.bootstrap import LEVEL, RESAMPLES

# Above, the bootstrap and Student's interval agree to the third digit, and draws take seconds.
MOST_DRAWN = 2_000
FEWEST = 10  # images of each; of fewer, all intervals of means are too narrow

_TAILS = np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
_DRAWS_AT_ONCE = 2**22

Floats = npt.NDArray[np.float64]


def difference_of_means(
    first: npt.ArrayLike, second: npt.ArrayLike, *, seed: int = 0
) -> tuple[float, float, float, float]:
    """The second mean less the first, with its 95 % interval and two-sided p-value.

    Images are what is drawn: one that has both values is drawn with both, so what makes it easy or
    hard for both falls out. The interval is the bias-corrected and accelerated bootstrap's (BCa;
    Efron 1987; Davison and Hinkley 1997, eq. 5.21), above MOST_DRAWN images Student's. p is that of
    the t test for partly paired samples (T_new2 of Derrick, Toher and White 2017, The Quantitative
    Methods for Psychology 13:120-126): the paired t test where every image has both values,
    Welch's where none has.

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
    low, high, p = partly_paired_t(difference, a, b)
    if len(a) <= MOST_DRAWN and high > low:
        influence = np.where(in_b, b - b[in_b].mean(), 0) / in_b.sum()
        influence = influence - np.where(in_a, a - a[in_a].mean(), 0) / in_a.sum()
        low, high = _bca(difference, _draw(a, b, seed), influence)
    return difference, low, high, p


def partly_paired_t(difference: float, a: Floats, b: Floats) -> tuple[float, float, float]:
    """Student's bounds and p-value; a, b : as in `difference_of_means`, each image with one."""
    paired = np.isfinite(a) & np.isfinite(b)
    known = a[np.isfinite(a)], b[np.isfinite(b)]
    n_a, n_b, n = len(known[0]), len(known[1]), int(paired.sum())
    of_a, of_b = (float(values.var(ddof=1)) / len(values) for values in known)
    joint = 0.0
    if n > 1:
        spread = float(a[paired].std() * b[paired].std())
        together = float(((a - a[paired].mean()) * (b - b[paired].mean()))[paired].mean())
        r = together / spread if spread > 0 else 0.0
        joint = r * np.sqrt(of_a * n_a * of_b * n_b) * n / (n_a * n_b)
    variance = of_a + of_b - 2 * joint
    error = float(np.sqrt(max(variance, 0)))
    if variance <= 1e-12 * (of_a + of_b):  # what rounding leaves of equal numbers
        return difference, difference, 1.0 if abs(difference) < 1e-15 else 0.0
    welch = (of_a + of_b) ** 2 / (of_a**2 / (n_a - 1) + of_b**2 / (n_b - 1))
    alone = n_a + n_b - 2 * n
    degrees = (n - 1) + (welch - n + 1) / (n_a + n_b) * alone
    reach = float(stats.t.ppf(_TAILS[1], degrees)) * error
    p = 2 * float(stats.t.sf(abs(difference) / error, degrees))
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
