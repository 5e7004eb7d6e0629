"""Explanation clusters against planted strategies and plain restatements."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, fisher_exact
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score

from tasks.clusters import explanation_assignment
from tasks.clusters.cluster_names import name_clusters
from tasks.clusters.explanation_assignment import assign_explanations
from tasks.clusters.explanation_clusters import EXEMPLARS, find_explanation_clusters
from tests.tasks.tiny_clusters import FirstPassTables, random_tables

IMAGES = 120


def planted(seed: int = 0, **changes) -> tuple[FirstPassTables, np.ndarray]:
    """Class 0 by three strategies, class 1 by two, class 2 by one; the strategy of each image."""
    random = np.random.default_rng(seed)
    predicted = random.permutation(np.repeat([0, 1, 2], [60, 40, 20]))
    share = {0: [0.5, 0.3, 0.2], 1: [0.6, 0.4, 0.0], 2: [1.0, 0.0, 0.0]}
    strategy = np.array([random.choice(3, p=share[c]) for c in predicted])
    centres = np.abs(random.normal(size=(3, 3, 40)))
    evidence = centres[predicted, strategy] + 0.05 * random.normal(size=(IMAGES, 40))
    evidence = evidence * random.uniform(0.5, 2, (IMAGES, 1))
    labels = np.where(random.random(IMAGES) < 0.3, random.integers(-1, 3, IMAGES), predicted)
    tags = [[("camera", "abc"[s]), ("file", str(i))] for i, s in enumerate(strategy)]
    values = {"evidence": evidence, "labels": labels, "predicted": predicted, "tags": tags}
    return random_tables(seed, IMAGES, **{**values, **changes}), strategy


def predictions_of(tables: FirstPassTables) -> pd.DataFrame:
    ids = np.arange(len(tables.labels))
    return pd.DataFrame({"image_id": ids, "label": tables.labels, "predicted": tables.predicted})


def assign(tables: FirstPassTables, root, shards: int = 1) -> pd.DataFrame:
    return assign_explanations(
        tables.write(root, shards), pd.Series(tables.predicted, dtype=int), seed=0
    )


@pytest.mark.parametrize("fit_images", [20, 500])
@pytest.mark.parametrize("group_numbers", [1, 2**26])
def test_recovers_planted_strategies(tmp_path, monkeypatch, fit_images, group_numbers):
    monkeypatch.setattr(explanation_assignment, "_FIT_IMAGES", fit_images)
    monkeypatch.setattr(explanation_assignment, "_GROUP_NUMBERS", group_numbers)
    tables, strategy = planted()
    found = assign(tables, tmp_path, shards=5)
    assert found["image_id"].tolist() == list(range(IMAGES))
    assert (found["class_idx"] == tables.predicted).all()
    for class_idx, strategies in ((0, 3), (1, 2), (2, 1)):
        mine = tables.predicted == class_idx
        clusters = found["cluster"][mine]
        assert clusters.nunique() == strategies
        assert adjusted_rand_score(strategy[mine], clusters) == 1
        sizes = clusters.value_counts().sort_index()
        assert sizes.tolist() == sorted(sizes, reverse=True)


def test_numbers_of_each_cluster(tmp_path):
    tables, strategy = planted()
    run = tables.write(tmp_path, shards=3)
    found = find_explanation_clusters(run, predictions_of(tables)).to_pylist()
    assert [(row["class_idx"], row["cluster"]) for row in found] == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0)
    ]  # fmt: skip
    for row in found:
        # The planted strategies of a class, from the most frequent.
        in_class = np.flatnonzero(tables.predicted == row["class_idx"])
        ranked = pd.Series(strategy[in_class]).value_counts().index
        mine = in_class[strategy[in_class] == ranked[row["cluster"]]]
        known = mine[tables.labels[mine] >= 0]
        correct = int((tables.labels[known] == row["class_idx"]).sum())
        assert (row["images"], row["labelled"], row["correct"]) == (len(mine), len(known), correct)
        interval = binomtest(correct, len(known)).proportion_ci(method="wilson")
        assert row["accuracy"] == pytest.approx(correct / len(known))
        assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx(tuple(interval))
        energy = tables.energy.astype(np.float32)[mine]
        assert row["object_energy"] == pytest.approx(np.nanmean(energy), rel=1e-6)
        letter = "abc"[ranked[row["cluster"]]]
        assert row["name"] == (f"camera = {letter}" if row["class_idx"] < 2 else "cluster 0")


def test_exemplars_are_the_nearest(tmp_path):
    tables, strategy = planted(3)
    run = tables.write(tmp_path)
    found = find_explanation_clusters(run, predictions_of(tables)).to_pylist()
    assert len(found) == 6
    for row in found:
        in_class = np.flatnonzero(tables.predicted == row["class_idx"])
        units = tables.evidence[in_class].astype(np.float16).astype(np.float64)
        units = units / np.linalg.norm(units, axis=1, keepdims=True)
        reduced = PCA(8, svd_solver="full").fit_transform(units)
        mine = strategy[in_class] == strategy[row["exemplars"][0]]
        away = np.linalg.norm(reduced[mine] - reduced[mine].mean(axis=0), axis=1)
        nearest = in_class[mine][np.argsort(away)]
        assert row["exemplars"] == nearest[:EXEMPLARS].tolist()


@pytest.mark.parametrize("images, units", [(8, 40), (30, 12), (120, 40)])
def test_without_structure_a_class_is_one_cluster(tmp_path, images, units):
    for seed in range(5):
        random = np.random.default_rng(seed)
        evidence = np.abs(random.normal(1, 0.3, (images, units)))
        predicted = np.zeros(images, dtype=int)
        tables = random_tables(seed, images, evidence=evidence, predicted=predicted)
        assert (assign(tables, tmp_path / str(seed))["cluster"] == 0).all()


def test_a_lone_image_is_no_cluster(tmp_path):
    tables, _ = planted()
    alone = np.flatnonzero(tables.predicted == 2)[:2]
    tables.evidence[alone, :20] = 0
    tables.evidence[alone[0], 20:30] = 0
    found = assign(tables, tmp_path)
    assert (found["cluster"][tables.predicted == 2] == 0).all()


def test_names_by_plain_loops(tmp_path):
    """A tag is named where most of a cluster has it, 0.2 more than of the rest, and surely so."""
    tables, _ = planted()
    random = np.random.default_rng(6)
    tags = [
        [("site", random.choice(["x", "y"], p=[0.8, 0.2] if i % 3 else [0.3, 0.7])),
         ("hour", random.choice(["day", "night"], p=[0.9, 0.1]))]
        for i in range(IMAGES)
    ]  # fmt: skip
    tags[5], tags[6] = None, []
    run = planted(tags=tags)[0].write(tmp_path, shards=4)
    assigned = predictions_of(tables).assign(class_idx=0, cluster=np.arange(IMAGES) % 3 // 2)
    found = name_clusters(run, assigned)
    sides = {side: [dict(tags[i] or []) for i in range(IMAGES) if assigned["cluster"][i] == side]
             for side in (0, 1)}  # fmt: skip
    tests = {}
    for side, rows in sides.items():
        for tag, value in {pair for row in rows for pair in row.items()}:
            a, b = (sum(r.get(tag) == value for r in group) for group in (rows, sides[1 - side]))
            n, m = len(rows), len(sides[1 - side])
            if a > n / 2:
                p = fisher_exact([[a, n - a], [b, m - b]], alternative="greater").pvalue
                tests[side, tag, value] = (p, a / n - b / m)
    # Too few tests for the step-up to matter: Bonferroni and Benjamini-Hochberg agree here.
    named = {key for key, (p, d) in tests.items() if p * len(tests) <= 0.05 and d >= 0.2}
    assert found == {(0, side): f"{tag} = {value}" for side, tag, value in named}
    assert len(found) == 2 and {tag for _, tag, _ in tests} == {"site", "hour"}


def test_without_labels_tags_and_objects(tmp_path):
    nothing = {
        "labels": np.full(IMAGES, -1), "tags": [None] * IMAGES, "energy": np.full(IMAGES, np.nan),
    }  # fmt: skip
    tables, _ = planted(**nothing)
    run = tables.write(tmp_path)
    found = find_explanation_clusters(run, predictions_of(tables)).to_pylist()
    assert sum(row["images"] for row in found) == IMAGES
    for row in found:
        assert (row["labelled"], row["correct"], row["accuracy"]) == (0, 0, None)
        assert row["accuracy_low"] is None and row["object_energy"] is None
        assert row["name"] == f"cluster {row['cluster']}"


def test_images_without_evidence_are_left_out(tmp_path):
    tables, _ = planted()
    tables.evidence[4], tables.evidence[7, 3], tables.evidence[11] = 0, np.nan, np.inf
    found = assign(tables, tmp_path)
    assert set(range(IMAGES)) - set(found["image_id"]) == {4, 7, 11}


@pytest.mark.parametrize("images", [1, 2, 7])
def test_a_small_class_is_one_cluster(tmp_path, images):
    tables = random_tables(images=images, predicted=np.full(images, 2))
    found = assign(tables, tmp_path)
    assert found["cluster"].tolist() == [0] * images
    units = tables.evidence.astype(np.float16).astype(np.float64)
    units = units / np.linalg.norm(units, axis=1, keepdims=True)
    away = ((units - units.mean(axis=0)) ** 2).sum(axis=1)
    np.testing.assert_allclose(found["distance"], away, atol=1e-4)


def test_two_kinds_of_copies_are_two_clusters(tmp_path):
    kind = np.arange(20) % 3 // 2
    tables = random_tables(images=20, predicted=np.zeros(20, int), evidence=np.eye(16)[kind])
    found = assign(tables, tmp_path)
    assert found["cluster"].tolist() == kind.tolist()
    np.testing.assert_allclose(found["distance"], 0, atol=1e-9)


@pytest.mark.parametrize("images", [1, 9, 60])
def test_constant_evidence_is_one_cluster(tmp_path, images):
    evidence = np.tile(np.linspace(0, 3, 16), (images, 1))
    tables = random_tables(images=images, evidence=evidence)
    run = tables.write(tmp_path)
    found = find_explanation_clusters(run, predictions_of(tables)).to_pylist()
    assert [row["cluster"] for row in found] == [0] * len(set(tables.predicted.tolist()))
    for row in found:
        mine = np.flatnonzero(tables.predicted == row["class_idx"])
        assert row["exemplars"] == mine[:EXEMPLARS].tolist()
