"""Deep feature reweighting: the last layer learnt anew where every group is shown as often."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from tasks.training.last_layer_input import check_held_out

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# Inverse strengths of the penalty that are tried, the strongest first.
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
DRAWS = 10
_MOST_STEPS = 2000


@dataclass(frozen=True)
class LastLayer:
    """logits = features @ weight.T + bias

    weight : float32, shape (C, K); bias : float32, shape (C,)
    strength : the inverse strength that was chosen
    per_group : images of each group in each draw
    images : held-out images, of all groups
    held_out_worst, held_out_mean : accuracy of the worst group and mean over groups, in [0, 1], on
        the half that the strength was chosen by
    crossed : float64, shape (N, C), logits of each image from the half of its group that it is not
        in, so that they tell how the layer does on images that it has not learnt from
    """

    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    strength: float
    per_group: int
    images: int
    held_out_worst: float
    held_out_mean: float
    crossed: Floats


def retrain_last_layer(
    features: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    groups: Sequence[str],
    num_classes: int,
    draws: int = DRAWS,
    seed: int = 0,
) -> LastLayer:
    """Learn the last layer anew from images that training did not see (DFR; Kirichenko, Izmailov
    and Wilson, arXiv:2204.02937, sec. 4 and appendix C).

    Multinomial logistic regression on standardised features of as many images from each group,
    as many as the smallest has, drawn `draws` times; the layers are averaged. The penalty is the
    one with which a layer from one half of each group is best for the worst group of the other
    (ties: the mean over groups, then the stronger). The paper penalises absolute values in two
    classes; here it is squares, whose solution is the only one, and any number of classes.

    features : shape (N, K), finite, inputs of the last layer
    labels : shape (N,), class indices
    groups : of each image; a group is part of one class or of several

    Returns: a layer for features as they are, not standardised. It depends on the seed and the
        order of the images alone.

    Raises: AuditError for a group with one image, fewer than two groups or draws below 1, a
    class without images, labels outside of the classes, features that are not finite, lengths that
    differ.
    """
    check_held_out(features, labels, groups, num_classes, draws)
    of_images: Integers = labels.astype(np.int64)
    names, codes = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    members = [np.flatnonzero(codes == code) for code in range(len(names))]
    scaled, mean, spread = _standardised(features)
    rng = np.random.default_rng(seed)
    halves = _halves(members, rng)
    strength, worst, average = _choose(scaled, of_images, halves, num_classes, draws, rng)
    crossed = np.zeros((len(scaled), num_classes))
    for learnt, others in (halves, halves[::-1]):
        weight, bias = _mean_layer(scaled, of_images, learnt, num_classes, strength, draws, rng)
        rows = np.concatenate(others)
        crossed[rows] = scaled[rows] @ weight.T + bias
    weight, bias = _mean_layer(scaled, of_images, members, num_classes, strength, draws, rng)
    weight, bias = weight / spread, bias - (weight / spread) @ mean
    return LastLayer(
        weight.astype(np.float32), bias.astype(np.float32), strength,
        min(len(rows) for rows in members), len(labels), worst, average, crossed,
    )  # fmt: skip


def _halves(
    members: list[Integers], rng: np.random.Generator
) -> tuple[list[Integers], list[Integers]]:
    mixed = [rng.permutation(rows) for rows in members]
    cuts = [(len(rows) + 1) // 2 for rows in mixed]
    parts = [np.split(rows, [cut]) for rows, cut in zip(mixed, cuts, strict=True)]
    return [first for first, _ in parts], [second for _, second in parts]


def _choose(
    scaled: Floats,
    labels: Integers,
    halves: tuple[list[Integers], list[Integers]],
    num_classes: int,
    draws: int,
    rng: np.random.Generator,
) -> tuple[float, float, float]:
    """The strength, and the accuracy of the worst group and the mean over groups that it gave."""
    learnt, held = halves
    of_draws = rng.integers(2**63)  # the same draws for each strength
    best = (-1.0, -1.0, 0.0)
    for strength in STRENGTHS:
        drawn = np.random.default_rng(of_draws)
        weight, bias = _mean_layer(scaled, labels, learnt, num_classes, strength, draws, drawn)
        hits = (scaled @ weight.T + bias).argmax(axis=1) == labels
        accuracy = [float(hits[rows].mean()) for rows in held]
        if (min(accuracy), float(np.mean(accuracy))) > best[:2]:
            best = (min(accuracy), float(np.mean(accuracy)), strength)
    return best[2], best[0], best[1]


def _mean_layer(
    scaled: Floats,
    labels: Integers,
    members: list[Integers],
    num_classes: int,
    strength: float,
    draws: int,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Mean weight and bias of the layers from all draws."""
    found = list(_fits(scaled, labels, members, num_classes, strength, draws, rng))
    weights, biases = zip(*found, strict=True)
    return np.mean(weights, axis=0), np.mean(biases, axis=0)


def _fits(
    scaled: Floats,
    labels: Integers,
    members: list[Integers],
    num_classes: int,
    strength: float,
    draws: int,
    rng: np.random.Generator,
) -> Iterator[tuple[Floats, Floats]]:
    """Weight and bias from each draw of as many images of every group."""
    size = min(len(rows) for rows in members)
    for _ in range(draws):
        chosen = np.concatenate([rng.choice(rows, size, replace=False) for rows in members])
        model = LogisticRegression(C=strength, max_iter=_MOST_STEPS)
        model.fit(scaled[chosen], labels[chosen])
        weight, bias = model.coef_, model.intercept_
        if num_classes == 2:  # scikit-learn keeps the difference of the two logits alone
            weight, bias = np.vstack([-weight, weight]) / 2, np.hstack([-bias, bias]) / 2
        yield weight, bias


def _standardised(features: npt.NDArray[np.floating]) -> tuple[Floats, Floats, Floats]:
    """Features of mean 0 and spread 1, and what their mean and spread were; a unit that never
    changes stays 0, its spread counts as 1."""
    values = np.asarray(features, dtype=np.float64)
    mean, spread = values.mean(axis=0), values.std(axis=0)
    spread = np.where(spread > 1e-12 * np.maximum(np.abs(mean), 1), spread, 1.0)
    return (values - mean) / spread, mean, spread
