"""One-sided tests that hold for any number of images."""

import numpy as np
import numpy.typing as npt
from scipy import stats

from tasks.findings.cells import Floats

LEAST_TESTED = 4  # images; below, nothing is tested

_ENUMERATED = 16  # images up to which all signs are tried
# P(sum >= x) <= 3.18 P(Z >= x) for any weighted sum of random signs of variance 1: theorem 1.1 of
# Bentkus and Dzindzalieta (2015), Bernoulli 21(2), arXiv:1307.3451. The constant cannot be smaller.
_GAUSSIAN_BOUND = float(1 / (4 * stats.norm.sf(np.sqrt(2))))
_TIE = 1e-9


def sign_flip_p_value(gaps: npt.ArrayLike) -> float:
    """Whether the mean of the tested images' gaps is above what chance signs give.

    To a model that ignores backgrounds, donors of either class are the same: swapping the two flips
    the sign of an image's gap and nothing else. So under that null all signs are equally
    likely, whatever the sizes of the gaps (Fisher 1935, section 21) and however the images were
    chosen, as long as no gap was looked at. The test therefore needs no weights: images weighted by
    1 / inclusion would make the few drawn ones drown the many suspicious ones (in simulated
    audits of 2,000 images a class was found 6 times of 20 instead of 19). How large the effect is,
    over all images, is for the weighted estimates to say.

    gaps : float, shape (n,), finite

    Returns: p in (0, 1]: exact up to 16 images (2^n signs), above that an upper bound, at most 3.18
    times what the normal approximation says. 1 below LEAST_TESTED images.
    """
    values = np.asarray(gaps, dtype=np.float64)
    if values.size < LEAST_TESTED or not values.any():
        return 1.0
    terms = values[values != 0] / np.abs(values).max()
    if terms.size <= _ENUMERATED:
        return float((_signed_sums(np.abs(terms)) >= terms.sum() - _TIE).mean())
    x = terms.sum() / np.sqrt((terms**2).sum())
    return float(min(1.0, _GAUSSIAN_BOUND * stats.norm.sf(x))) or float(np.finfo(float).tiny)


def _signed_sums(sizes: Floats) -> Floats:
    sums = np.zeros(1)
    for size in sizes:
        sums = np.concatenate([sums - size, sums + size])
    return sums


def stratified_fisher_p_value(
    hits: npt.ArrayLike, tested: npt.ArrayLike, all_hits: npt.ArrayLike, all_tested: npt.ArrayLike
) -> float:
    """Whether a group holds more of the hits than its share, within strata: the exact conditional
    test of several 2 x 2 tables (Cox 1958). With one stratum it is Fisher's exact test.

    hits, tested : integers per stratum, of the group
    all_hits, all_tested : ..., of the group and the others together

    Returns: p in (0, 1], exact. 1 where the group or the others have fewer than LEAST_TESTED.
    """
    tables = [np.asarray(column, dtype=np.int64) for column in (hits, tested, all_hits, all_tested)]
    inside, outside = int(tables[1].sum()), int((tables[3] - tables[1]).sum())
    if min(inside, outside) < LEAST_TESTED:
        return 1.0
    law = np.ones(1)
    told = tables[2] > 0  # a stratum without hits holds none of them in any draw
    for drawn, marked, size in zip(*(table[told] for table in tables[1:]), strict=True):
        counts = np.arange(min(drawn, marked) + 1)
        # scipy's pmf takes milliseconds a number in the tails of tens of thousands of images.
        law = np.convolve(law, np.exp(stats.hypergeom.logpmf(counts, size, marked, drawn)))
    return float(min(1.0, law[int(tables[0].sum()) :].sum())) or float(np.finfo(float).tiny)
