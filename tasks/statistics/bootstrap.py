"""Means over images with percentile bootstrap intervals."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.errors import AuditError

RESAMPLES = 2_000
LEVEL = 0.95
_DRAWS_AT_ONCE = 2**22

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A mean over images.

    value : NaN without images
    low, high : bounds; NaN with fewer than two images
    images : that were counted
    missing : whose value is not finite; they are in no other number
    """

    value: float
    low: float
    high: float
    images: int
    missing: int


def bootstrap_mean(
    values: npt.ArrayLike, *, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0
) -> Estimate:
    """The mean with its percentile interval (Efron and Tibshirani 1993, section 13.3): images
    are drawn with replacement, and the interval holds the middle `level` of the means.

    It is too narrow for few images: by a factor of about sqrt(1 - 1/n) for the mean of n.

    values : one number per image, 1-D; one that is not finite is left out and counted
    resamples : draws; at least 1
    level : in (0, 1)
    seed : the same seed and values give the same interval
    """
    numbers = np.asarray(values, dtype=np.float64)
    finite = numbers[np.isfinite(numbers)]
    missing = int(numbers.size - finite.size)
    if not finite.size:
        return Estimate(np.nan, np.nan, np.nan, 0, missing)
    low = high = np.nan
    if finite.size > 1:
        tail = (1 - level) / 2
        low, high = np.quantile(_resampled_means(finite, resamples, seed), [tail, 1 - tail])
    return Estimate(float(finite.mean()), float(low), float(high), int(finite.size), missing)


def paired_difference(
    values: npt.ArrayLike,
    reference: npt.ArrayLike,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Estimate:
    """The mean over images of values - reference, with the interval of `bootstrap_mean`. What
    makes an image easy or hard for both falls out of the difference.

    values, reference : one number per image each, of the same images in the same order; an
        image where either is not finite is left out and counted

    Raises: AuditError where the two are not of the same images.
    """
    left, right = np.asarray(values, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if left.ndim != 1 or left.shape != right.shape:
        raise AuditError(
            "a paired difference needs both values of every image: expected two lists of one "
            f"length, got shapes {left.shape} and {right.shape}. Measure both on the same images"
        )
    with np.errstate(invalid="ignore"):  # inf - inf: not finite, so it is left out
        difference = left - right
    return bootstrap_mean(difference, resamples=resamples, level=level, seed=seed)


def _resampled_means(numbers: Floats, resamples: int, seed: int) -> Floats:
    generator = np.random.default_rng(seed)
    rows = max(1, _DRAWS_AT_ONCE // numbers.size)
    means = [
        numbers[generator.integers(0, numbers.size, (min(rows, resamples - first), numbers.size))]
        .mean(axis=1)
        for first in range(0, resamples, rows)
    ]  # fmt: skip
    return np.concatenate(means)
