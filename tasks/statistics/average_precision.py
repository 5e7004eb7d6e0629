"""Average precision of a ranking, with its interval over images."""

import numpy as np
import numpy.typing as npt

from tasks.statistics.bootstrap import LEVEL, RESAMPLES, Estimate

Floats = npt.NDArray[np.float64]


def average_precision(
    positive: npt.ArrayLike, scores: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> float:
    """AP = sum_n (R_n - R_(n-1)) P_n over the distinct scores from the highest down, without
    interpolation (as scikit-learn and TREC); images of equal scores enter together.

    A random ranking scores the share of positives.

    positive : bool, shape (N,)
    scores : finite, shape (N,)
    weights : how often each image counts, >= 0, shape (N,); None for once each

    Returns: in [0, 1]; NaN where no positive counts.
    """
    truth, values = np.asarray(positive, dtype=bool), np.asarray(scores, dtype=np.float64)
    counts = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    order, ends = _ranking(values)
    return _of_ranking(truth[order], counts[order], ends)


def bootstrap_average_precision(
    positive: npt.ArrayLike,
    scores: npt.ArrayLike,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Estimate:
    """Average precision with its percentile interval: images are drawn with replacement, and a
    draw without a positive is left out.

    positive, scores : as in `average_precision`
    """
    truth, values = np.asarray(positive, dtype=bool), np.asarray(scores, dtype=np.float64)
    order, ends = _ranking(values)
    truth, images = truth[order], len(values)
    generator = np.random.default_rng(seed)
    drawn = np.array([
        _of_ranking(truth, _draw(generator, images)[order], ends) for _ in range(resamples)
    ])  # fmt: skip
    drawn = drawn[np.isfinite(drawn)]
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail]) if drawn.size else (np.nan, np.nan)
    value = _of_ranking(truth, np.ones(images), ends)
    return Estimate(value, float(low), float(high), images, 0)


def _draw(generator: np.random.Generator, images: int) -> Floats:
    chosen = generator.integers(0, images, images)
    return np.bincount(chosen, minlength=images).astype(np.float64)


def _ranking(scores: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The order from the highest score down, and the last place of each distinct score."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    return order, ends


def _of_ranking(
    positive: npt.NDArray[np.bool_], counts: Floats, ends: npt.NDArray[np.int64]
) -> float:
    hits = np.cumsum(counts * positive)[ends]
    seen = np.cumsum(counts)[ends]
    if not hits.size or hits[-1] == 0:
        return float("nan")
    precision = hits / np.maximum(seen, 1e-300)
    return float(np.sum(np.diff(hits, prepend=0.0) * precision) / hits[-1])
