"""Risks of contexts against plain loops, scipy and published intervals."""

import numpy as np
import pytest
from scipy.stats import fisher_exact

from tasks.clusters import context_risks
from tasks.clusters.context_risks import (
    FEWEST_IMAGES,
    LARGEST_P_VALUE,
    SMALLEST_DIFFERENCE,
    find_risks,
)
from tasks.clusters.packed_flags import PackedFlags
from tasks.clusters.rate_differences import fisher_greater, newcombe_interval
from tasks.statistics.seeded_hash import in_discovery_half


# Newcombe 1998, table II, method 10.
@pytest.mark.parametrize(
    "successes, trials, other_successes, other_trials, low, high",
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (0, 10, 0, 10, -0.2775, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0000),
        (10, 10, 0, 10, 0.6075, 1.0000),
    ],
)
def test_newcombe_as_published(successes, trials, other_successes, other_trials, low, high):
    found = newcombe_interval(successes, trials, other_successes, other_trials)
    assert [float(bound) for bound in found] == pytest.approx([low, high], abs=5.1e-5)


def test_no_trials():
    low, high = newcombe_interval([0, 1], [0, 2], [1, 0], [3, 0])
    assert np.isnan(low).all() and np.isnan(high).all()
    assert fisher_greater([0, 0], [0, 0], [1, 0], [3, 0]).tolist() == [1, 1]


def test_fisher_equals_scipy():
    random = np.random.default_rng(0)
    trials, other_trials = random.integers(1, 60, (2, 50))
    hits, other_hits = random.binomial(trials, 0.3), random.binomial(other_trials, 0.1)
    expected = [
        fisher_exact([[a, n - a], [b, m - b]], alternative="greater").pvalue
        for a, n, b, m in zip(hits, trials, other_hits, other_trials, strict=True)
    ]
    found = fisher_greater(hits, trials, other_hits, other_trials)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def planted(seed: int, images: int = 900):
    """Cluster 0 makes half the images class 1, cluster 2 a quarter class 0; 1 does nothing."""
    random = np.random.default_rng(seed)
    labels = random.integers(-1, 4, images)
    present = random.random((images, 3)) < [0.3, 0.5, 0.2]
    predicted = np.where(labels < 0, 0, labels)
    predicted = np.where(random.random(images) < 0.1, random.integers(0, 4, images), predicted)
    predicted = np.where(present[:, 0] & (random.random(images) < 0.5), 1, predicted)
    predicted = np.where(present[:, 2] & (random.random(images) < 0.25), 0, predicted)
    return np.arange(images), labels, predicted, present


def by_loops(image_id, labels, predicted, present) -> dict[tuple[int, int], dict]:
    """The table restated, pair by pair."""
    rows = {}
    half = in_discovery_half(image_id)
    for class_idx in range(4):
        for cluster in range(present.shape[1]):
            counts = {side: {True: [0, 0], False: [0, 0]} for side in (True, False)}
            for i in range(len(image_id)):
                if labels[i] >= 0 and labels[i] != class_idx:
                    cell = counts[bool(half[i])][bool(present[i, cluster])]
                    cell[0] += predicted[i] == class_idx
                    cell[1] += 1
            (a, n), (b, m) = counts[True][True], counts[True][False]
            if min(n, m) < FEWEST_IMAGES or a / n - b / m <= SMALLEST_DIFFERENCE:
                continue
            if fisher_exact([[a, n - a], [b, m - b]], alternative="greater").pvalue >= (
                LARGEST_P_VALUE
            ):
                continue
            (c, k), (d, j) = counts[False][True], counts[False][False]
            rows[class_idx, cluster] = {
                "present": k, "absent": j, "predicted_present": c, "predicted_absent": d,
                "risk_difference": c / k - d / j, "discovery_difference": a / n - b / m,
                "p_value": fisher_exact([[c, k - c], [d, j - d]], alternative="greater").pvalue,
            }  # fmt: skip
    # Benjamini and Hochberg 1995: the smallest p * m / rank from this rank on.
    ranked = sorted(rows.values(), key=lambda row: row["p_value"])
    for rank, row in enumerate(ranked, 1):
        later = [r["p_value"] * len(ranked) / i for i, r in enumerate(ranked[rank - 1 :], rank)]
        row["q_value"] = min(1.0, *later)
    return rows


@pytest.mark.parametrize("seed", range(3))
def test_equals_plain_loops(seed):
    data = planted(seed)
    found = find_risks(*data).to_pylist()
    expected = by_loops(*data)
    assert {(row["class_idx"], row["cluster"]) for row in found} == set(expected)
    assert {(1, 0), (0, 2)} <= set(expected)
    for row in found:
        for name, value in expected[row["class_idx"], row["cluster"]].items():
            assert row[name] == pytest.approx(value, rel=1e-9), name
        assert row["low"] < row["risk_difference"] < row["high"]
    assert [row["q_value"] for row in found] == sorted(row["q_value"] for row in found)
    assert (found[0]["class_idx"], found[0]["cluster"]) == (1, 0)


def test_a_cluster_without_effect_is_seldom_confirmed():
    rows = [row for seed in range(20) for row in find_risks(*planted(seed)).to_pylist()]
    idle = [row for row in rows if row["cluster"] == 1]
    assert sum(row["q_value"] <= 0.1 for row in idle) <= 2
    assert sum(row["q_value"] <= 0.1 for row in rows) >= 36


@pytest.mark.parametrize("at_once", [1, 37, 2**16])
def test_any_part_of_the_images_at_once(monkeypatch, at_once):
    image_id, labels, predicted, present = planted(4)
    whole = find_risks(image_id, labels, predicted, present)
    monkeypatch.setattr(context_risks, "_IMAGES_AT_ONCE", at_once)
    packed = PackedFlags.of(present)
    assert find_risks(image_id, labels, predicted, packed).equals(whole)


def test_any_order_of_images():
    data = planted(4)
    order = np.random.default_rng(0).permutation(len(data[0]))
    assert find_risks(*(column[order] for column in data)).equals(find_risks(*data))


def test_halves_are_even_and_stay():
    half = in_discovery_half(np.arange(100_000))
    assert abs(half.mean() - 0.5) < 0.01
    assert (in_discovery_half(np.arange(50)) == half[:50]).all()


@pytest.mark.parametrize(
    "case", ["no labels", "one class", "all right", "no images", "no clusters"]
)
def test_nothing_to_find(case):
    image_id, labels, predicted, present = planted(0)
    if case == "no labels":
        labels = np.full_like(labels, -1)
    elif case == "one class":
        labels, predicted = np.zeros_like(labels), np.zeros_like(labels)
    elif case == "all right":
        labels = predicted
    elif case == "no images":
        image_id, labels, predicted, present = (
            column[:0] for column in (image_id, labels, predicted, present)
        )
    else:
        present = present[:, :0]
    assert find_risks(image_id, labels, predicted, present).num_rows == 0


def test_all_images_of_one_class_and_wrong():
    image_id, labels, predicted, present = planted(1)
    found = find_risks(image_id, np.full_like(labels, 3), predicted, present).to_pylist()
    assert {row["class_idx"] for row in found} <= {0, 1, 2}
    assert (found[0]["class_idx"], found[0]["cluster"]) == (1, 0)
