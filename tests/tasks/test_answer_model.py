"""The softmax layer against scikit-learn's own decision function and against plain loops."""

import math
from itertools import product

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tasks.questions.answer_model import AnswerModel, fit_answers
from tasks.questions.learned import softmax
from tasks.statistics.clustered_bootstrap import clustered_mean

IMAGES, UNITS, WORDS, QUESTIONS = 30, 6, 5, 90


def data(answers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    generator = np.random.default_rng(answers)
    features = generator.gamma(2, 3, (IMAGES, UNITS)).astype(np.float16)
    features[:, 4] = 1.5  # a unit that is the same everywhere
    counts = generator.integers(0, 3, (QUESTIONS, WORDS)).astype(np.float64)
    of = generator.integers(0, IMAGES - 5, QUESTIONS)  # some images nobody asks about
    score = features[of, 0] + 3 * counts[:, 0] + generator.normal(0, 2, QUESTIONS)
    cuts = np.quantile(score, np.arange(1, answers) / answers)
    return counts, features, of, [f"answer {k}" for k in np.searchsorted(cuts, score)]


def slow_design(counts: np.ndarray, features: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Counts beside features over sqrt(K) standard deviations of the images asked about."""
    asked = sorted(set(of.tolist()))
    rows = []
    for question, image in enumerate(of):
        row = [float(count) for count in counts[question]]
        for unit in range(UNITS):
            values = [float(features[i, unit]) for i in asked]
            mean = math.fsum(values) / len(values)
            deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))
            scale = (deviation or 1.0) * math.sqrt(UNITS)
            row.append((float(features[image, unit]) - mean) / scale)
        rows.append(row)
    return np.array(rows)


def slow_logit(model: AnswerModel, answer: int, counts: np.ndarray, features: np.ndarray) -> float:
    total = float(model.bias[answer])
    for word in range(WORDS):
        total += float(model.word_weight[answer, word]) * float(counts[word])
    for unit in range(UNITS):
        total += float(model.image_weight[answer, unit]) * float(features[unit])
    return total


@pytest.mark.parametrize("answers", [3, 4])
def test_logits_are_those_of_scikit_learn(answers: int) -> None:
    counts, features, of, right = data(answers)
    model = fit_answers(counts, features, of, right, c=2.0)
    logits = model.logits(counts, features, of)
    design = slow_design(counts, features, of)
    expected = LogisticRegression(C=2.0, max_iter=2000).fit(design, right).decision_function(design)
    np.testing.assert_allclose(logits, expected, atol=1e-3)
    for question, answer in product(range(0, QUESTIONS, 9), range(answers)):
        slow = slow_logit(model, answer, counts[question], features[of[question]])
        assert logits[question, answer] == pytest.approx(slow, abs=1e-9)
    assert model.converged and model.answers == tuple(sorted(set(right)))


def test_of_two_answers_the_difference_is_the_decision() -> None:
    counts, features, of, right = data(2)
    model = fit_answers(counts, features, of, right, c=0.5)
    logits = model.logits(counts, features, of)
    design = slow_design(counts, features, of)
    solver = LogisticRegression(C=0.5, max_iter=2000).fit(design, right)
    np.testing.assert_allclose(
        logits[:, 1] - logits[:, 0], solver.decision_function(design), atol=1e-3
    )
    np.testing.assert_allclose(softmax(logits), solver.predict_proba(design), atol=1e-3)
    assert logits[:, 0].tolist() == pytest.approx((-logits[:, 1]).tolist())


def test_the_optimum_is_where_the_gradient_is_zero() -> None:
    """d/dW of sum of losses + |W|^2 / (2 C), in plain loops on the scaled features."""
    counts, features, of, right = data(3)
    model = fit_answers(counts, features, of, right, c=2.0)
    design = slow_design(counts, features, of)
    logits = model.logits(counts, features, of)
    for answer, word in product(range(3), range(WORDS)):
        gradient = float(model.word_weight[answer, word]) / 2.0
        for question in range(QUESTIONS):
            odds = [math.exp(value) for value in logits[question]]
            share = odds[answer] / sum(odds)
            gradient += (share - (right[question] == model.answers[answer])) * design[
                question, word
            ]
        assert abs(gradient) < 0.05
    np.testing.assert_allclose(model.word_weight.sum(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(model.image_weight.sum(axis=0), 0, atol=1e-6)


def test_a_model_without_words_and_one_without_an_image() -> None:
    counts, features, of, right = data(3)
    blind = fit_answers(counts, features[:, :0], of, right, c=1.0)
    expected = LogisticRegression(C=1.0, max_iter=2000).fit(counts, right).decision_function(counts)
    np.testing.assert_allclose(blind.logits(counts, features[:, :0], of), expected, atol=1e-3)
    deaf = fit_answers(counts[:, :0], features, of, right, c=1.0)
    design = slow_design(counts, features, of)[:, WORDS:]
    expected = LogisticRegression(C=1.0, max_iter=2000).fit(design, right).decision_function(design)
    np.testing.assert_allclose(deaf.logits(counts[:, :0], features, of), expected, atol=1e-3)


def test_a_mean_whose_clusters_are_drawn_whole() -> None:
    values, clusters = [1, 0, 1, 1, 0, 0, 1], [5, 5, 7, 7, 7, 9, 2]
    found = clustered_mean(values, clusters, resamples=40_000)
    assert found.value == pytest.approx(4 / 7) and found.images == 4
    # All 4^4 equally likely draws of four clusters, in plain loops.
    groups = [(1, 2), (2, 3), (0, 1), (1, 1)]
    means = sorted(
        sum(total for total, _ in drawn) / sum(size for _, size in drawn)
        for drawn in product(groups, repeat=4)
    )
    low, high = np.quantile(means, [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.03)
    assert found.high == pytest.approx(high, abs=0.03)


def test_one_cluster_has_no_interval_and_none_no_mean() -> None:
    one = clustered_mean([1.0, 0.0], [3, 3])
    assert one.value == 0.5 and math.isnan(one.low) and math.isnan(one.high)
    assert math.isnan(clustered_mean([], []).value)


def test_ties_in_a_cluster_do_not_narrow_the_interval() -> None:
    """Each value four times over: the interval of the 20 clusters, not of 80 values."""
    generator = np.random.default_rng(3)
    values = generator.random(20)
    alone = clustered_mean(values, np.arange(20))
    fourfold = clustered_mean(np.repeat(values, 4), np.repeat(np.arange(20), 4))
    assert (fourfold.low, fourfold.high) == pytest.approx((alone.low, alone.high))
