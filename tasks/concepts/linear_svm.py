"""A linear SVM on scaled features, its negatives mined by rounds."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

Floats = npt.NDArray[np.float64]
Features = npt.NDArray[np.float16] | npt.NDArray[np.float32] | npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_ROWS_AT_ONCE = 8192
_LEAST_DRAWN = 100
_ITERATIONS = 100_000
_TOLERANCE = 1e-6  # so that the last set's hyperplane is that of all negatives


@dataclass(frozen=True)
class LinearConcept:
    """f(x) = coefficient . (x - mean) / scale + intercept = weight . x + bias.

    coefficient, mean, scale : float64, shape (K,)
    """

    coefficient: Floats
    mean: Floats
    scale: Floats
    intercept: float

    @property
    def weight(self) -> Floats:
        """float64, shape (K,): of the features as they are."""
        return self.coefficient / self.scale

    @property
    def bias(self) -> float:
        return self.intercept - float(self.weight @ self.mean)

    def decide(self, features: Features) -> Floats:
        """Decision values of features of shape (N, K); float64, shape (N,)."""
        blocks = [
            features[first : first + _ROWS_AT_ONCE].astype(np.float64) @ self.weight + self.bias
            for first in range(0, len(features), _ROWS_AT_ONCE)
        ]
        return np.concatenate(blocks) if blocks else np.zeros(0)


@dataclass(frozen=True)
class Round:
    """negatives : that were trained on
    violators : of the others, inside the margin or on the wrong side of it
    false_positives : of the others, on the positive side
    """

    negatives: int
    violators: int
    false_positives: int


@dataclass(frozen=True)
class MinedConcept:
    """converged : no negative that was left out would change the hyperplane"""

    concept: LinearConcept
    rounds: tuple[Round, ...]
    converged: bool


def train_with_hard_negatives(
    features: Features, positive: Bools, *, c: float, rounds: int, seed: int
) -> MinedConcept:
    """Train on all positives and a random set of negatives; then, round by round, add those of
    the other negatives that the SVM gets most wrong, until there are none or the rounds are over.

    A negative with f(x) <= -1 has no loss and no gradient, so once none of those left out is above
    -1 the hyperplane is that of all negatives (Felzenszwalb et al. 2010, section 4.4; concepts
    as in arXiv:1512.04150, section 4.3). The classes weigh the same throughout, by their
    counts among all that is given: sets that grow do not move the optimum.

    features : finite, shape (N, K)
    positive : bool, shape (N,), both values present
    c : of the squared hinge loss, above 0; over images as if both classes had N / 2
    rounds : of training, at least 1
    """
    mean, scale = _moments(features)
    positives, negatives = np.flatnonzero(positive), np.flatnonzero(~positive)
    share = {flag: len(positive) / (2 * np.sum(positive == flag)) for flag in (False, True)}
    batch = max(_LEAST_DRAWN, 2 * len(positives))
    drawn = np.random.default_rng(seed).permutation(len(negatives))[:batch]
    chosen = np.isin(np.arange(len(negatives)), drawn)
    told: list[Round] = []
    while True:
        rows = np.concatenate([positives, negatives[chosen]])
        svm = LinearSVC(
            C=c, class_weight=share, random_state=seed, tol=_TOLERANCE, max_iter=_ITERATIONS
        ).fit((features[rows].astype(np.float64) - mean) / scale, positive[rows])
        concept = LinearConcept(svm.coef_[0], mean, scale, float(svm.intercept_[0]))
        values = np.where(chosen, -np.inf, concept.decide(features[negatives]))
        violators = np.flatnonzero(values > -1)
        told.append(Round(int(chosen.sum()), len(violators), int((values > 0).sum())))
        if not len(violators) or len(told) == rounds:
            return MinedConcept(concept, tuple(told), not len(violators))
        hardest = violators[np.argsort(-values[violators], kind="stable")[:batch]]
        chosen = chosen | np.isin(np.arange(len(negatives)), hardest)


def _moments(features: Features) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each feature; 1 for one that is constant."""
    scaler = StandardScaler()
    for first in range(0, len(features), _ROWS_AT_ONCE):
        scaler.partial_fit(features[first : first + _ROWS_AT_ONCE].astype(np.float64))
    return scaler.mean_, scaler.scale_
