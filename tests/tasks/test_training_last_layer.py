"""The last layer against scikit-learn and scipy, and on features with a planted shortcut."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from tasks.errors import AuditError
from tasks.training.last_layer import STRENGTHS, retrain_last_layer


def planted(
    rng: np.random.Generator, counts: np.ndarray, scale: float = 1.0
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Unit 0 tells the label weakly, unit 1 the background strongly, units 2 and 3 nothing, and
    unit 4 never changes.

    counts : images of each class (rows) on each background (columns), 3 x 3
    """
    labels, backgrounds = (np.repeat(np.indices(counts.shape)[k], counts.ravel()) for k in (0, 1))
    noise = rng.normal(size=(len(labels), 4))
    columns = [labels + 0.25 * noise[:, 0], 3.0 * backgrounds + 0.25 * noise[:, 1], *noise.T[2:]]
    features = np.column_stack([*columns, np.full(len(labels), 7.0)]) * scale + 2
    return features, labels, [f"{a}|{b}" for a, b in zip(labels, backgrounds, strict=True)]


EVEN = np.full((3, 3), 12)
SKEWED = np.array([[60, 6, 6], [6, 60, 6], [6, 6, 60]])


def accuracies(weight: np.ndarray, bias: np.ndarray, of: tuple) -> dict[str, float]:
    features, labels, groups = of
    hits = (features @ weight.T + bias).argmax(axis=1) == labels
    names = np.array(groups)
    return {name: float(hits[names == name].mean()) for name in set(groups)}


def test_groups_of_one_size_give_the_layer_of_scikit_learn_on_all_of_them() -> None:
    features, labels, groups = planted(np.random.default_rng(0), EVEN, scale=5.0)
    found = retrain_last_layer(features, labels, groups, 3, draws=3)
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(C=found.strength, max_iter=5000, tol=1e-8)
    expected = model.fit(scaler.transform(features), labels).decision_function(
        scaler.transform(features)
    )
    logits = features @ found.weight.T.astype(np.float64) + found.bias
    np.testing.assert_allclose(logits, expected, atol=2e-2)
    assert (found.per_group, found.images) == (12, 108)
    assert found.strength in STRENGTHS
    assert (found.weight[:, 4] == 0).all()


@pytest.mark.parametrize("num_classes", [2, 3])
def test_the_layer_minimises_the_penalised_loss(num_classes: int) -> None:
    """Minimised once more, in plain float64 and from another start, by scipy."""
    rng = np.random.default_rng(1)
    features, labels, groups = planted(rng, EVEN[:num_classes, :2])
    found = retrain_last_layer(features, labels, groups, num_classes, draws=1)
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread[4] = 1
    scaled = (features - mean) / spread

    def loss(flat: np.ndarray) -> float:
        weight, bias = flat[:-num_classes].reshape(num_classes, -1), flat[-num_classes:]
        logits = scaled @ weight.T + bias
        entropy = np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(labels)), labels]
        # Of two classes scikit-learn penalises the difference w of the two logits, here w and -w
        # halved: squares of half the size.
        penalty = (weight**2).sum() * (1.0 if num_classes == 2 else 0.5)
        return float(found.strength * entropy.sum() + penalty)

    own = np.concatenate([(found.weight * spread).ravel(), found.bias + found.weight @ mean])
    start = rng.normal(size=own.shape)
    best = minimize(loss, start, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-14})
    assert loss(own) == pytest.approx(best.fun, rel=1e-4)


def test_a_shortcut_is_dropped_where_held_out_images_hold_every_group() -> None:
    rng = np.random.default_rng(2)
    held, test = planted(rng, SKEWED), planted(rng, EVEN * 5)
    plain = LogisticRegression(max_iter=2000).fit(held[0], held[1])
    before = accuracies(plain.coef_, plain.intercept_, test)
    found = retrain_last_layer(*held, 3)
    after = accuracies(found.weight, found.bias, test)
    assert found.per_group == 6
    assert min(before.values()) < 0.6
    assert min(after.values()) > 0.85
    assert found.held_out_worst <= found.held_out_mean <= 1


def test_the_same_seed_the_same_layer_and_units_as_they_are() -> None:
    held = planted(np.random.default_rng(3), SKEWED)
    first, again = (retrain_last_layer(*held, 3, draws=2) for _ in range(2))
    np.testing.assert_array_equal(first.weight, again.weight)
    np.testing.assert_array_equal(first.bias, again.bias)
    # Standardised inside: other units of measurement give the same answers.
    scaled = (held[0] * [1, 1e-3, 1e3, 1, 1], *held[1:])
    other = retrain_last_layer(*scaled, 3, draws=2)
    logits = [f @ r.weight.T + r.bias for f, r in ((held[0], first), (scaled[0], other))]
    np.testing.assert_allclose(logits[0], logits[1], atol=2e-3)


GOOD = planted(np.random.default_rng(4), EVEN)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"groups": ["only", *GOOD[2][1:]]}, "1 of 10 groups have one held-out image.*'only'"),
        ({"groups": ["one"] * 108}, "all held-out images are of one group, 'one'"),
        ({"num_classes": 5}, "no held-out image of class 3, 4"),
        ({"labels": GOOD[1] - 1}, "label -1 is none of the 3 classes"),
        ({"num_classes": 2}, "label 2 is none of the 2 classes"),
        ({"features": np.where(np.arange(108)[:, None] == 5, np.nan, GOOD[0])}, "first in row 5"),
        ({"features": GOOD[0][:-1]}, r"got \(107, 5\), 108 labels and 108 groups"),
        ({"features": GOOD[0][:, 0]}, r"got \(108,\)"),
        ({"draws": 0}, "draws must be at least 1; got 0"),
    ],
)
def test_bad_input_is_told(change: dict[str, object], says: str) -> None:
    given = {"features": GOOD[0], "labels": GOOD[1], "groups": GOOD[2], "num_classes": 3}
    with pytest.raises(AuditError, match=says):
        retrain_last_layer(**(given | change))  # type: ignore[arg-type]


def test_no_images_at_all() -> None:
    with pytest.raises(AuditError, match="no held-out image of class 0, 1, 2"):
        retrain_last_layer(np.zeros((0, 4)), np.zeros(0, np.int64), [], 3)
