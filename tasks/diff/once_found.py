"""Whether a rate fell that was looked at because it had been found high."""

import numpy as np
from scipy import stats

from tasks.clusters.rate_differences import fisher_greater
from tasks.diff.overlapping_rates import TwoRates
from tasks.findings.context_statements import LEAST_RISK_DIFFERENCE


def p_value_once_found(
    inside: TwoRates, outside_hits: int, outside_images: int, largest_p: float
) -> float:
    """One-sided p-value of a rate that did not fall from A to B, given that A found it.

    What was found because it stood out stands out less when looked at again (the winner's curse):
    an unchanged model of a weak shortcut would be called mended. So the exact test is taken
    given the finding (selective inference; Fithian, Sun and Taylor, arXiv:1410.2597, section 2):
    P(H >= h) / P(H >= t), where h are A's hits, t the fewest with which A would have found it, and
    H follows the binomial law over images that one audit alone hits (McNemar 1947) for
    images in both audits, the hypergeometric law (Fisher 1935) for two samples.

    inside : of one group: hits among the images of the context, all in both audits or none
    outside_hits, outside_images : of A, where it held the context against the rest
    largest_p : of the findings that A confirmed

    Returns: in (0, 1]; NaN where either audit has no image inside.
    """
    hits, images = int(inside.hits_a[0]), int(inside.images_a[0])
    if not images or not inside.images_b[0]:
        return float("nan")
    fewest = min(_fewest(images, outside_hits, outside_images, largest_p), hits)
    if inside.common[0]:
        split, both = int(inside.only_a[0] + inside.only_b[0]), int(inside.both[0])
        law = stats.binom(split, 0.5)
        tails = law.sf([hits - both - 1, max(fewest - both, 0) - 1])
    else:
        every = images + int(inside.images_b[0])
        law = stats.hypergeom(every, hits + int(inside.hits_b[0]), images)
        tails = law.sf([hits - 1, fewest - 1])
    return float(min(tails[0] / tails[1], 1.0))


def _fewest(images: int, outside_hits: int, outside_images: int, largest_p: float) -> int:
    """Hits from which on a finding is confirmed, without the strata of its test."""
    hits = np.arange(images + 1)
    elsewhere = np.full_like(hits, outside_hits), np.full_like(hits, outside_images)
    p = fisher_greater(hits, np.full_like(hits, images), *elsewhere)
    rise = hits / images - outside_hits / max(outside_images, 1)
    found = (p <= largest_p) & (rise >= LEAST_RISK_DIFFERENCE)
    return int(found.argmax()) if found.any() else images
