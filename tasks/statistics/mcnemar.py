"""Whether two classifiers are right on the same images equally often."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from tasks.errors import AuditError
from tasks.statistics.bootstrap import paired_difference


@dataclass(frozen=True)
class PairedAccuracy:
    """One classifier against a reference on the same images.

    difference : accuracy less the reference's, in [-1, 1]; low, high : its 95 % paired bootstrap
        interval over images; NaN with fewer than two
    only_own, only_reference : images that only one of the two has right
    p_value : exact two-sided McNemar test, in (0, 1]
    """

    difference: float
    low: float
    high: float
    only_own: int
    only_reference: int
    p_value: float


def mcnemar_p_value(only_own: int, only_reference: int) -> float:
    """McNemar's exact test (McNemar 1947): of the images that one of the two alone has right, each
    is as likely to be either's. Two-sided; 1 where there are none.

    only_own, only_reference : counts, >= 0
    """
    split = only_own + only_reference
    return float(stats.binomtest(only_own, split, 0.5).pvalue) if split else 1.0


def compare_paired(
    correct: npt.ArrayLike, reference: npt.ArrayLike, *, seed: int = 0
) -> PairedAccuracy:
    """Compare two classifiers' answers to the same images.

    correct, reference : bool, shape (N,), in the same order

    Raises: AuditError where the two are not of the same images.
    """
    own, other = np.asarray(correct), np.asarray(reference)
    for answers in (own, other):
        if answers.dtype != np.bool_:
            raise AuditError(f"expected right or wrong (bool) for every image, got {answers.dtype}")
    estimate = paired_difference(own, other, seed=seed)
    only_own, only_other = int((own & ~other).sum()), int((other & ~own).sum())
    return PairedAccuracy(
        estimate.value, estimate.low, estimate.high, only_own, only_other,
        mcnemar_p_value(only_own, only_other),
    )  # fmt: skip
