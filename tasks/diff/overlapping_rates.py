"""How far two rates lie apart whose images are partly, wholly or not at all the same."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from tasks.clusters.rate_differences import fisher_greater
from tasks.statistics.intervals import Z_95, wilson_interval

Floats = npt.NDArray[np.float64]
Bounds = tuple[Floats, Floats, Floats]  # estimate, low, high


@dataclass(frozen=True)
class TwoRates:
    """Counts of two rates, one entry per pair of rates; integers of one shape.

    hits_a, images_a, hits_b, images_b : over all images of each
    both, only_a, only_b, common : of the images that are in both: hits of both, of the first
        alone, of the second alone, and how many such images there are
    """

    hits_a: npt.NDArray[np.int64]
    images_a: npt.NDArray[np.int64]
    hits_b: npt.NDArray[np.int64]
    images_b: npt.NDArray[np.int64]
    both: npt.NDArray[np.int64]
    only_a: npt.NDArray[np.int64]
    only_b: npt.NDArray[np.int64]
    common: npt.NDArray[np.int64]

    def of(self, chosen: npt.NDArray[np.int64]) -> "TwoRates":
        """The same of some groups alone; chosen : their places."""
        return TwoRates(**{name: column[chosen] for name, column in vars(self).items()})

    @property
    def difference(self) -> Floats:
        """Second rate less the first; NaN where either has no images."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.hits_b / self.images_b - self.hits_a / self.images_a)


def overlapping_interval(counts: TwoRates) -> tuple[Floats, Floats]:
    """95 % interval of the second rate less the first, from the Wilson interval of each and the
    correlation of the two (MOVER: Zou and Donner 2008, Statistics in Medicine 27:1693-1702).

    With the same images in both it is Newcombe's method 10 for paired rates, with none in both his
    method 10 for independent ones (1998, 17:2635-2650 and 17:873-890). In between, two means that
    share n of their n_a and n_b images are correlated by phi n / sqrt(n_a n_b).

    Returns: lower and upper bound in [-1, 1], float64; NaN where either rate has no images.
    """
    low_a, high_a = wilson_interval(counts.hits_a, counts.images_a)
    low_b, high_b = wilson_interval(counts.hits_b, counts.images_b)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate_a, rate_b = counts.hits_a / counts.images_a, counts.hits_b / counts.images_b
        shared = counts.common / np.sqrt(counts.images_a * counts.images_b)
    r = np.where(counts.common > 0, _phi(counts) * shared, 0.0)
    return mover_bounds((rate_a, low_a, high_a), (rate_b, low_b, high_b), r)


def mover_bounds(
    first: Bounds,
    second: Bounds,
    correlation: npt.ArrayLike = 0.0,
) -> tuple[Floats, Floats]:
    """Bounds of the second number less the first, each given as estimate, low, high (eq. 10 of
    Zou and Donner 2008); clipped to [-1, 1].

    correlation : of the two estimates. 0 is too wide where they rise and fall together.
    """
    (value_a, low_a, high_a), (value_b, low_b, high_b) = first, second
    r = np.asarray(correlation, dtype=np.float64)

    def width(a: Floats, b: Floats) -> Floats:
        return np.sqrt(np.maximum(a**2 - 2 * r * a * b + b**2, 0))

    below = width(value_b - low_b, high_a - value_a)
    above = width(high_b - value_b, value_a - low_a)
    difference = value_b - value_a
    return np.maximum(difference - below, -1), np.minimum(difference + above, 1)


def p_from_interval(difference: Floats, low: Floats, high: Floats) -> Floats:
    """Two-sided p-value of no difference from a 95 % interval (Altman and Bland 2011, BMJ
    343:d2304), by the half of it that points to zero: below 0.05 where the interval leaves zero
    out. NaN where the interval is."""
    half = np.where(difference > 0, difference - low, high - difference)
    z = np.abs(difference) / np.where(half > 0, half / Z_95, np.nan)
    p = np.asarray(2 * stats.norm.sf(z))
    return np.where((half == 0) & np.isfinite(difference), np.where(difference == 0, 1.0, 0.0), p)


def rates_p_value(counts: TwoRates) -> Floats:
    """Two-sided p-values of equal rates; NaN where either has no images.

    The same images in both: McNemar's mid-p (Fagerland, Lydersen and Laake 2013, BMC Medical
    Research Methodology 13:91). None in both: Fisher's exact test, doubled. Some: z with the
    pooled rate and the covariance of the shared images (Derrick et al. 2015, Journal of Applied
    Quantitative Methods 10(3), z8).
    """
    whole = (counts.common == counts.images_a) & (counts.common == counts.images_b)
    p = np.where(whole, mcnemar_mid_p(counts.only_a, counts.only_b), _overlapping_z(counts))
    p = np.where(counts.common == 0, _fisher(counts), p)
    return np.where((counts.images_a > 0) & (counts.images_b > 0), p, np.nan)


def mcnemar_mid_p(only_a: npt.ArrayLike, only_b: npt.ArrayLike) -> Floats:
    """McNemar's exact two-sided p-value less the probability of the observed split; 1 where the
    two never differ.

    only_a, only_b : images that one alone has right, integers of one shape
    """
    a, b = np.asarray(only_a), np.asarray(only_b)
    n, least = a + b, np.minimum(a, b)
    tail = 2 * stats.binom.cdf(least, n, 0.5) - stats.binom.pmf(least, n, 0.5)
    return np.where(a == b, 1 - stats.binom.pmf(least, n, 0.5) * (n > 0), np.minimum(tail, 1))


def _phi(counts: TwoRates) -> Floats:
    """Correlation of the hits over the common images, with Newcombe's continuity correction."""
    n = counts.common.astype(np.float64)
    one = (counts.both + counts.only_a).astype(np.float64)
    two = (counts.both + counts.only_b).astype(np.float64)
    neither = n - one - two + counts.both
    product = counts.both * neither - counts.only_a.astype(np.float64) * counts.only_b
    product = np.where(product > 0, np.maximum(product - n / 2, 0), product)
    spread = np.sqrt(one * (n - one) * two * (n - two))
    return np.where(spread > 0, product / np.where(spread > 0, spread, 1), 0.0)


def _fisher(counts: TwoRates) -> Floats:
    a, b = (counts.hits_a, counts.images_a), (counts.hits_b, counts.images_b)
    return np.minimum(1.0, 2 * np.minimum(fisher_greater(*a, *b), fisher_greater(*b, *a)))


def _overlapping_z(counts: TwoRates) -> Floats:
    n_a, n_b = np.maximum(counts.images_a, 1), np.maximum(counts.images_b, 1)
    pooled = (counts.hits_a + counts.hits_b) / (n_a + n_b)
    spread = pooled * (1 - pooled)
    shared = np.clip(_phi(counts), 0, 1) * counts.common / (n_a * n_b)
    variance = spread * (1 / n_a + 1 / n_b - 2 * shared)
    z = np.abs(counts.difference) / np.sqrt(np.where(variance > 0, variance, np.nan))
    return np.where(variance > 0, 2 * stats.norm.sf(z), 1.0)
