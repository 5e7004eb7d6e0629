"""Context clusters against plain loops, and against clusters that were planted."""

from fractions import Fraction

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import adjusted_rand_score

from tasks.clusters import context_cells
from tasks.clusters.context_cells import drawn_cells, read_cells
from tasks.clusters.context_clusters import (
    EXEMPLARS,
    PRESENT_SHARE,
    ContextTally,
    find_contexts,
    fit_centres,
)
from tasks.clusters.exact_distances import on_grid, squared_distances, unit_vectors
from tasks.clusters.stage import write_clusters
from tasks.errors import AuditError
from tasks.statistics.seeded_hash import draw_ids, hash_ids
from tasks.tables.storage import RunFolder
from tests.tasks.tiny_clusters import random_tables

TABLES = ("context_clusters", "context_risks", "explanation_clusters", "cluster_members")


def test_hash_is_splitmix64():
    # The first outputs of the published generator for seed 0.
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert hash_ids(np.arange(3), 0).tolist() == expected
    assert (hash_ids(np.arange(1000), 0) != hash_ids(np.arange(1000), 1)).all()


def test_a_draw_knows_no_order():
    ids = np.random.default_rng(0).permutation(500)
    drawn = draw_ids(np.arange(500), 40, seed=3)
    assert len(set(drawn.tolist())) == 40
    assert (draw_ids(ids, 40, seed=3) == drawn).all()
    kept = np.setdiff1d(np.arange(500), drawn[:5])
    assert set(drawn[5:].tolist()) <= set(draw_ids(kept, 40, seed=3).tolist())


@pytest.mark.parametrize("rows", [1, 3, 257])
def test_distances_are_exact(rows):
    random = np.random.default_rng(rows)
    points, _ = unit_vectors(random.normal(size=(rows, 33)))
    centres = on_grid(random.normal(size=(5, 33)) / 6)
    found = squared_distances(points, centres)
    for i in {0, rows // 2, rows - 1}:
        for k in range(5):
            exact = sum(
                (Fraction(a) - Fraction(b)) ** 2
                for a, b in zip(points[i].tolist(), centres[k].tolist(), strict=True)
            )
            assert Fraction(float(found[i, k])) == exact


def test_unit_vectors():
    rows = np.array([[3, 4], [0, 0], [np.nan, 1], [np.inf, 1], [-6e4, 0]], dtype=np.float16)
    units, usable = unit_vectors(rows)
    assert usable.tolist() == [True, False, False, False, True]
    np.testing.assert_allclose(units[0], [0.6, 0.8], atol=2**-17)
    assert units[1:4].tolist() == [[0, 0]] * 3 and units[4].tolist() == [-1, 0]


def by_loops(run: RunFolder, centres: np.ndarray) -> list[dict]:
    """The table restated, cell by cell."""
    clusters: dict[int, dict] = {}
    for file in sorted((run.root / "tables" / "cells").glob("*.parquet")):
        for row in pq.read_table(file).to_pylist():
            vectors = np.array(row["vectors"], dtype=np.float64).reshape(-1, centres.shape[1])
            seen: dict[int, list] = {}
            for cell, vector in enumerate(vectors):
                length = np.linalg.norm(vector)
                if not np.isfinite(length) or length == 0:
                    continue
                away = [np.linalg.norm(vector / length - centre) for centre in centres]
                cluster = int(np.argmin(away))
                seen.setdefault(cluster, []).append((away[cluster], row["image_id"], cell))
                entry = clusters.setdefault(
                    cluster, {"cells": 0, "images": 0, "covered": [], "best": []}
                )
                entry["cells"] += 1
                if row["coverage"] is not None:
                    entry["covered"].append(float(row["coverage"][cell]))
            for cluster, cells in seen.items():
                clusters[cluster]["images"] += len(cells) / len(vectors) >= PRESENT_SHARE
                clusters[cluster]["best"].append(min(cells))
    rows = sorted(clusters.values(), key=lambda entry: -entry["cells"])
    for entry in rows:
        entry["best"] = sorted(entry["best"])[:EXEMPLARS]
    return rows


def test_equals_plain_loops(tmp_path):
    tables = random_tables(5, images=40)
    tables.vectors[3, 2], tables.vectors[4], tables.vectors[9, 0] = 0, 0, np.nan
    run = tables.write(tmp_path, shards=3)
    centres = on_grid(np.random.default_rng(1).normal(size=(6, 8)) / 4)
    tally = ContextTally(centres)
    for batch in read_cells(run):
        tally.update(batch)
    found = tally.compute().table.to_pylist()
    expected = by_loops(run, centres)
    assert len(found) == len(expected) > 2
    for number, (row, entry) in enumerate(zip(found, expected, strict=True)):
        assert row["cluster"] == number
        assert (row["cells"], row["images"]) == (entry["cells"], entry["images"])
        assert row["object_share"] == pytest.approx(np.mean(entry["covered"]), rel=1e-12)
        assert row["exemplars"] == [image_id for _, image_id, _ in entry["best"]]
        assert row["exemplar_cells"] == [cell for _, _, cell in entry["best"]]


def test_recovers_planted_clusters(tmp_path):
    random = np.random.default_rng(2)
    truth = random.integers(0, 6, 36)
    centres = random.normal(size=(6, 8))
    vectors = centres[truth][:, None] + 0.1 * random.normal(size=(36, 6, 8))
    contexts = find_contexts(random_tables(2, images=36, vectors=vectors).write(tmp_path))
    assert contexts.table.num_rows == 6 and (contexts.present[:].sum(axis=1) == 1).all()
    found = contexts.present[np.argsort(contexts.image_id)].argmax(axis=1)
    assert adjusted_rand_score(truth, found) == 1


def test_fitted_on_the_background_of_drawn_images(tmp_path, monkeypatch):
    monkeypatch.setattr(context_cells, "_FIT_IMAGES", 10)
    tables = random_tables(3)
    cells, images = drawn_cells(tables.write(tmp_path, shards=4), seed=0)
    expected = []
    for i in sorted(range(60), key=lambda i: int(hash_ids(np.array([i]), 0)[0]))[:10]:
        for vector, covered in zip(tables.vectors[i], tables.coverage[i], strict=True):
            if np.isnan(covered) or covered < 0.5:
                half = vector.astype(np.float16).astype(np.float64)
                expected.append(half / np.linalg.norm(half))
    assert images == 10
    np.testing.assert_allclose(cells, expected, atol=2**-16)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    run = random_tables().write(tmp_path_factory.mktemp("whole"))
    write_clusters(run)
    return {name: pq.read_table(run.table_file(name)) for name in TABLES}


@pytest.mark.parametrize("shards, shuffled", [(7, False), (60, False), (1, True), (7, True)])
@pytest.mark.parametrize("at_once", [100, 2**22])
def test_the_same_in_any_shards_and_order(tmp_path, monkeypatch, whole, shards, shuffled, at_once):
    monkeypatch.setattr(context_cells, "_NUMBERS_AT_ONCE", at_once)
    order = np.random.default_rng(8).permutation(60) if shuffled else None
    run = random_tables().write(tmp_path, shards, order)
    write_clusters(run)
    for name in TABLES:
        assert pq.read_table(run.table_file(name)).equals(whole[name]), name
    assert whole["context_clusters"].num_rows == 8  # round(sqrt(60))
    assert whole["explanation_clusters"].num_rows > 3


def test_constant_vectors_are_one_cluster(tmp_path):
    tables = random_tables(images=12, vectors=np.ones((12, 6, 8)))
    (row,) = find_contexts(tables.write(tmp_path)).table.to_pylist()
    assert (row["cells"], row["images"]) == (72, 12)
    assert row["exemplars"] == list(range(9)) and row["exemplar_cells"] == [0] * 9


@pytest.mark.parametrize("images", [1, 2])
def test_fewer_images_than_clusters(tmp_path, images):
    tables = random_tables(images=images, coverage=np.full((images, 6), np.nan))
    run = tables.write(tmp_path)
    write_clusters(run)
    rows = pq.read_table(run.table_file("context_clusters")).to_pylist()
    assert sum(row["cells"] for row in rows) == 6 * images
    assert all(row["object_share"] is None for row in rows)
    assert pq.read_table(run.table_file("context_risks")).num_rows == 0
    explained = pq.read_table(run.table_file("explanation_clusters")).to_pylist()
    assert sum(row["images"] for row in explained) == images


@pytest.mark.parametrize("images", [0, 5])
def test_no_cell_at_all(tmp_path, images):
    tables = random_tables(images=5, vectors=np.zeros((5, 6, 8)))
    run = tables.write(tmp_path, order=np.arange(images))
    write_clusters(run)
    assert find_contexts(run).table.num_rows == 0
    assert fit_centres(np.empty((0, 8), np.float32), images, seed=0).shape == (0, 8)


def test_an_unfinished_audit(tmp_path):
    with pytest.raises(AuditError, match="table 'predictions' is missing"):
        write_clusters(RunFolder(tmp_path))
