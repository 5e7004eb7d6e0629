"""The SVM, its hard negatives and its split, against solutions found in other ways."""

import numpy as np
import pytest
from scipy.optimize import minimize

from tasks.concepts.held_out import hold_out_half, near_equal_groups
from tasks.concepts.linear_svm import LinearConcept, train_with_hard_negatives


def planted(easy: int = 4000, hard: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Feature 0 tells positives from the many easy negatives, only feature 1 from the few hard
    ones, which look like positives otherwise."""
    generator = np.random.default_rng(0)
    positives = np.column_stack([generator.normal(4, 0.5, 40), generator.normal(1.5, 0.3, 40)])
    easies = np.column_stack([generator.normal(-4, 0.5, easy), generator.normal(0, 1.5, easy)])
    hards = np.column_stack([generator.normal(4, 0.5, hard), generator.normal(-1.5, 0.3, hard)])
    return np.vstack([positives, easies, hards]), np.arange(40 + easy + hard) < 40


def optimum(features: np.ndarray, positive: np.ndarray, c: float) -> np.ndarray:
    """The primal of the SVM over ALL images by a general optimiser: weights, then intercept, of
    scaled features. LinearSVC's intercept is penalised like a weight."""
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    extended = np.column_stack([scaled, np.ones(len(scaled))])
    sign = np.where(positive, 1.0, -1.0)
    cost = c * np.where(positive, len(sign) / (2 * positive.sum()),
                        len(sign) / (2 * (~positive).sum()))  # fmt: skip

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        slack = np.maximum(0, 1 - sign * (extended @ w))
        gradient = w - 2 * extended.T @ (cost * slack * sign)
        return 0.5 * w @ w + (cost * slack**2).sum(), gradient

    found: np.ndarray = minimize(loss, np.zeros(3), jac=True, method="L-BFGS-B",
                                 options={"ftol": 1e-14, "gtol": 1e-10}).x  # fmt: skip
    return found


def test_easy_negatives_alone_give_the_wrong_hyperplane() -> None:
    features, positive = planted()
    # A seed whose first 100 negatives are all easy: the hard ones are the last 30 of 4,030.
    seed = next(
        s for s in range(50) if np.random.default_rng(s).permutation(4030)[:100].max() < 4000
    )
    first = train_with_hard_negatives(features, positive, c=10, rounds=1, seed=seed)
    whole = train_with_hard_negatives(features, positive, c=10, rounds=20, seed=seed)
    assert not first.converged and whole.converged
    hards = features[-30:]
    assert (first.concept.decide(hards) > 0).mean() > 0.9
    assert (whole.concept.decide(hards) < 0).all()
    assert (whole.concept.decide(features[:40]) > 0).all()
    assert whole.rounds[-1].violators == 0 and whole.rounds[-1].negatives < 1000
    assert first.rounds[0] == whole.rounds[0]


@pytest.mark.parametrize("c", [0.1, 10])
def test_the_last_hyperplane_is_that_of_all_negatives(c: float) -> None:
    features, positive = planted()
    mined = train_with_hard_negatives(features, positive, c=c, rounds=20, seed=1)
    assert mined.rounds[-1].negatives < 1500
    expected = optimum(features, positive, c)
    got = [*mined.concept.coefficient, mined.concept.intercept]
    assert got == pytest.approx(expected.tolist(), rel=2e-3, abs=1e-3)


def test_what_is_told_of_a_round_is_so() -> None:
    features, positive = planted(easy=500)
    mined = train_with_hard_negatives(features, positive, c=0.1, rounds=1, seed=0)
    # The first set is 100 of the 530 negatives: the others are counted one by one.
    drawn = set(np.random.default_rng(0).permutation(530)[:100].tolist())
    values = mined.concept.decide(features[40:])
    others = [float(v) for i, v in enumerate(values) if i not in drawn]
    told = mined.rounds[0]
    assert told.negatives == 100
    assert told.violators == sum(v > -1 for v in others)
    assert told.false_positives == sum(v > 0 for v in others)


def test_folding_the_scale_in_changes_no_score() -> None:
    generator = np.random.default_rng(2)
    coefficient, mean, scale = generator.normal(size=(3, 5))
    concept = LinearConcept(coefficient, mean, np.abs(scale) + 0.1, 0.7)
    features = generator.normal(size=(20000, 5)).astype(np.float16)
    slow = [
        sum(coefficient[k] * (float(x[k]) - mean[k]) / concept.scale[k] for k in range(5)) + 0.7
        for x in features[:: 20000 // 50]
    ]
    assert concept.decide(features)[:: 20000 // 50] == pytest.approx(slow, abs=1e-9)


def test_a_constant_feature_has_no_part() -> None:
    features, positive = planted(easy=200)
    with_constant = np.column_stack([features, np.full(len(features), 3.0)])
    concept = train_with_hard_negatives(with_constant, positive, c=0.1, rounds=9, seed=0).concept
    assert concept.weight[2] == 0 and np.isfinite(concept.bias)


def test_copies_stay_on_one_side() -> None:
    generator = np.random.default_rng(4)
    pooled = generator.random((60, 32)).astype(np.float16)
    pooled[40] = pooled[0]  # the very same, of a positive and a negative
    pooled[41] = pooled[1] * np.float16(1.001)  # saved again
    pooled[51] = pooled[50]  # two negatives
    positive = np.arange(60) < 30
    groups = near_equal_groups(pooled, positive)
    pairs = {(i, j) for i in range(60) for j in range(i) if groups[i] == groups[j]}
    assert pairs == {(40, 0), (41, 1), (51, 50)}
    for seed in range(20):
        held_out = hold_out_half(groups, positive, seed)
        assert all(held_out[i] == held_out[j] for i, j in pairs)
        assert 13 <= held_out[positive].sum() <= 17 and 13 <= held_out[~positive].sum() <= 17


def test_the_split_depends_on_the_seed_alone() -> None:
    groups, positive = np.arange(50), np.arange(50) < 20
    one = hold_out_half(groups, positive, 1)
    assert (one == hold_out_half(groups, positive, 1)).all()
    assert (one != hold_out_half(groups, positive, 2)).any()
    assert one[positive].sum() == 10 and one[~positive].sum() == 15
