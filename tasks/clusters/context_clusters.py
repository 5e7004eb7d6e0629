"""Contexts: clusters of the cells of all images, whatever their class."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from sklearn.cluster import MiniBatchKMeans
from threadpoolctl import threadpool_limits

from tasks.clusters.context_cells import ImageCells, drawn_cells, read_cells
from tasks.clusters.exact_distances import Floats, on_grid, squared_distances
from tasks.clusters.packed_flags import PackedFlags
from tasks.statistics.seeded_hash import Ids
from tasks.tables.background_schemas import CONTEXT_CLUSTERS
from tasks.tables.storage import RunFolder

# Of an image's cells. On the embedded sample the surest risk of every planted class is then that of
# its background, with 12 to 48 clusters and every seed tried, and 4 of 5 confirmed risks are of a
# planted background; at 0.05 it is 7 of 10. At 0.2 and 48 clusters planted classes are missed.
PRESENT_SHARE = 0.15
EXEMPLARS = 9
_MOST_CLUSTERS = 64
_BATCH_CELLS = 4096
_STARTS = 3


@dataclass(frozen=True)
class Contexts:
    """What was found.

    table : of schema CONTEXT_CLUSTERS, the largest cluster first
    image_id : int64, shape (N,)
    present : of N images and as many columns as clusters, whether the image shows the cluster
    """

    table: pa.Table
    image_id: Ids
    present: PackedFlags


def find_contexts(run: RunFolder, seed: int = 0) -> Contexts:
    """Cluster the cells of all images, a few images in memory at a time.

    The result depends neither on the order of the images nor on the shards that they are in.
    """
    tally = ContextTally(fit_centres(*drawn_cells(run, seed), seed))
    for batch in read_cells(run):
        tally.update(batch)
    return tally.compute()


def fit_centres(cells: npt.NDArray[np.float32], images: int, seed: int) -> Floats:
    """Centres of mini-batch k-means (Sculley 2010) with about sqrt(images) clusters, 64 at most.

    cells : float32, shape (M, D), of length 1; their order matters
    images : that they are from

    Returns: float64, shape (K, D), no two alike, on the grid of `exact_distances`; K is 0 where
    there is no cell.
    """
    clusters = min(_MOST_CLUSTERS, max(2, round(images**0.5)), len(cells))
    if not clusters:
        return np.empty((0, cells.shape[1]))
    kmeans = MiniBatchKMeans(
        clusters, random_state=seed, n_init=_STARTS, batch_size=_BATCH_CELLS, compute_labels=False
    )
    with threadpool_limits(1):  # sums of several threads differ in their last bits
        centres = kmeans.fit(cells).cluster_centers_
    return np.unique(on_grid(centres), axis=0)


class ContextTally:
    """Running numbers of each cluster; associative and order-free, all sums being exact.

    centres : float64, shape (K, D), on the grid of `exact_distances`
    """

    def __init__(self, centres: Floats) -> None:
        clusters = len(centres)
        self._centres = centres
        self._cells = np.zeros(clusters, dtype=np.int64)
        self._covered = np.zeros(clusters)  # sums of float16: exact
        self._known = np.zeros(clusters, dtype=np.int64)
        self._image_ids: list[Ids] = []
        self._present: list[PackedFlags] = []
        self._nearest = pd.DataFrame(columns=["cluster", "distance", "image_id", "cell"])

    def update(self, batch: ImageCells) -> None:
        """Take in some images; none may come twice."""
        images, cells = batch.usable.shape
        clusters = len(self._centres)
        image, cell = np.nonzero(batch.usable & bool(clusters))
        counts = np.zeros((images, clusters), dtype=np.int64)
        if len(image):
            distances = squared_distances(batch.vectors[image, cell], self._centres)
            cluster = distances.argmin(axis=1)
            np.add.at(counts, (image, cluster), 1)
            self._update_coverage(cluster, batch.coverage[image, cell])
            distance = distances[np.arange(len(cluster)), cluster]
            self._update_nearest(cluster, distance, batch.image_id[image], cell)
        self._cells += counts.sum(axis=0)
        self._image_ids.append(batch.image_id)
        self._present.append(PackedFlags.of(counts >= PRESENT_SHARE * cells))

    def _update_coverage(self, cluster: Ids, coverage: Floats) -> None:
        known = ~np.isnan(coverage)
        size = len(self._centres)
        self._known += np.bincount(cluster[known], minlength=size)
        self._covered += np.bincount(cluster[known], coverage[known], minlength=size)

    def _update_nearest(self, cluster: Ids, distance: Floats, image_id: Ids, cell: Ids) -> None:
        """Keep each cluster's nearest cells, one per image; ties go to the smaller id and cell."""
        order = np.lexsort((cell, distance, image_id, cluster))
        owner = np.stack([cluster[order], image_id[order]])
        first = np.r_[True, (owner[:, 1:] != owner[:, :-1]).any(axis=0)]
        best = order[first]
        found = pd.DataFrame(
            {"cluster": cluster[best], "distance": distance[best],
             "image_id": image_id[best], "cell": cell[best]}
        )  # fmt: skip
        both = pd.concat([self._nearest, found]) if len(self._nearest) else found
        ranked = both.sort_values(["cluster", "distance", "image_id"])
        self._nearest = ranked.groupby("cluster").head(EXEMPLARS)

    def compute(self) -> Contexts:
        """The clusters that hold a cell, numbered from the largest; ties by their exemplars."""
        nearest = dict(iter(self._nearest.groupby("cluster")))
        order = sorted(nearest, key=lambda k: (-self._cells[k], *nearest[k].iloc[0][2:]))
        ranked = [PackedFlags.of(part[:][:, order]) for part in self._present]
        images = sum((part[:].sum(axis=0) for part in ranked), np.zeros(len(order), np.int64))
        share = np.where(self._known > 0, self._covered / np.maximum(self._known, 1), np.nan)
        columns = {
            "cluster": np.arange(len(order), dtype=np.int32),
            "cells": self._cells[order],
            "images": images,
            "object_share": pa.array(share[order], pa.float64(), from_pandas=True),
            "exemplars": [nearest[k]["image_id"].tolist() for k in order],
            "exemplar_cells": [nearest[k]["cell"].tolist() for k in order],
        }
        image_id = np.concatenate([np.empty(0, np.int64), *self._image_ids])
        present = PackedFlags.joined(ranked, len(order))
        return Contexts(pa.table(columns, schema=CONTEXT_CLUSTERS), image_id, present)
