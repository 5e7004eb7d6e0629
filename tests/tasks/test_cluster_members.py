"""The clusters of each image, against a plain walk over its cells and its evidence."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tasks.clusters import cluster_members
from tasks.clusters.context_cells import drawn_cells
from tasks.clusters.context_clusters import PRESENT_SHARE, fit_centres
from tasks.clusters.explanation_assignment import assign_explanations
from tasks.clusters.stage import write_clusters
from tests.tasks.tiny_clusters import random_tables

IMAGES = 60


def shown_by_loops(run, vectors: np.ndarray) -> list[set[int]]:
    """The centres that each image shows, by their numbers before they are ranked."""
    centres = fit_centres(*drawn_cells(run, 0), 0)
    shown = []
    for cells in vectors.astype(np.float16).astype(np.float64):
        counts: dict[int, int] = {}
        for cell in cells:
            length = float(np.sqrt(sum(value * value for value in cell)))
            if length == 0 or not np.isfinite(length):
                continue
            away = [
                sum((v / length - c) ** 2 for v, c in zip(cell, k, strict=True)) for k in centres
            ]
            counts[int(np.argmin(away))] = counts.get(int(np.argmin(away)), 0) + 1
        least = PRESENT_SHARE * len(cells)
        shown.append({k for k, count in counts.items() if count >= least})
    return shown


@pytest.mark.parametrize("at_once", [7, 2**16])
def test_members_are_those_that_were_counted(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(cluster_members, "_IMAGES_AT_ONCE", at_once)
    tables = random_tables(images=IMAGES)
    run = tables.write(tmp_path, shards=3)
    write_clusters(run)
    members = pq.read_table(run.table_file("cluster_members")).to_pylist()
    assert [row["image_id"] for row in members] == list(range(IMAGES))

    # Ranked numbers stand for the same images as the unranked ones.
    by_rank: dict[int, set[int]] = {}
    for row in members:
        assert row["contexts"] == sorted(row["contexts"])
        for cluster in row["contexts"]:
            by_rank.setdefault(cluster, set()).add(row["image_id"])
    by_centre: dict[int, set[int]] = {}
    for image_id, centres in enumerate(shown_by_loops(run, tables.vectors)):
        for centre in centres:
            by_centre.setdefault(centre, set()).add(image_id)
    assert sorted(map(sorted, by_rank.values())) == sorted(map(sorted, by_centre.values()))
    counted = pq.read_table(run.table_file("context_clusters")).to_pylist()
    assert {r["cluster"]: r["images"] for r in counted if r["images"]} == {
        cluster: len(images) for cluster, images in by_rank.items()
    }

    assigned = assign_explanations(run, pd.Series(tables.predicted, dtype=int), seed=0)
    of_image = dict(zip(assigned["image_id"], assigned["cluster"], strict=True))
    assert [row["explanation"] for row in members] == [of_image.get(i) for i in range(IMAGES)]


def test_an_image_without_evidence_or_cells_belongs_nowhere(tmp_path):
    plain = random_tables(images=12)
    evidence, vectors = plain.evidence.copy(), plain.vectors.copy()
    evidence[4], vectors[7] = 0, 0
    run = random_tables(images=12, evidence=evidence, vectors=vectors).write(tmp_path)
    write_clusters(run)
    members = pq.read_table(run.table_file("cluster_members")).to_pylist()
    assert members[4]["explanation"] is None and members[4]["contexts"]
    assert members[7]["explanation"] is not None and members[7]["contexts"] == []
