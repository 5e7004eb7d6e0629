"""Which cluster of its predicted class each image belongs to."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from threadpoolctl import threadpool_limits

from tasks.clusters.exact_distances import Floats, unit_vectors
from tasks.clusters.explanation_fit import MOST_CLUSTERS, ExplanationModel, fit_explanations
from tasks.clusters.stored_lists import list_matrix
from tasks.statistics.seeded_hash import Ids, draw_ids
from tasks.tables.by_image import is_among
from tasks.tables.storage import RunFolder

_ASSIGNED = ("image_id", "class_idx", "cluster", "distance")
_FIT_IMAGES = 500
_NUMBERS_AT_ONCE = 2**22
_GROUP_NUMBERS = 2**26  # of float32, 256 MB


def assign_explanations(run: RunFolder, predicted: pd.Series, seed: int) -> pd.DataFrame:
    """Cluster the evidence of every class and assign its images.

    At most 500 images of a class are fitted on, drawn by a seeded hash. Images without evidence,
    or whose evidence is not finite, are left out.

    predicted : class by image_id, which ascends

    Returns: columns image_id, class_idx (int32), cluster (int8) and distance, by image_id. Clusters
    are numbered from the largest; of two as large, the one with the smallest image_id comes first.
    """
    with threadpool_limits(1):  # sums of several threads differ in their last bits
        models = _fit_classes(run, predicted, seed)
    ids, answers = predicted.index.to_numpy(np.int64), predicted.to_numpy(np.int64)
    parts = [_assigned(models, ids[:0], answers[:0], np.empty((0, 1)))]
    for image_id, evidence in _read_evidence(run):
        known = is_among(image_id, ids)
        classes = answers[np.searchsorted(ids, image_id[known])]
        parts.append(_assigned(models, image_id[known], classes, evidence[known]))
    columns = {name: np.concatenate([part.pop(name) for part in parts]) for name in _ASSIGNED}
    if not (np.diff(columns["image_id"]) > 0).all():
        order = np.argsort(columns["image_id"])
        columns = {name: column[order] for name, column in columns.items()}
    columns["cluster"] = _renumber(columns["image_id"], columns["class_idx"], columns["cluster"])
    return pd.DataFrame(columns, copy=False)


def _assigned(
    models: dict[int, ExplanationModel], image_id: Ids, classes: Ids, evidence: Floats
) -> dict[str, npt.NDArray[Any]]:
    """The columns _ASSIGNED of some images."""
    cluster, distance = np.zeros(len(image_id), np.int8), np.zeros(len(image_id))
    for class_idx in np.unique(classes).tolist():
        mine = classes == class_idx
        cluster[mine], distance[mine] = models[class_idx].assign(evidence[mine])
    return dict(
        zip(_ASSIGNED, (image_id, classes.astype(np.int32), cluster, distance), strict=True)
    )


def _renumber(
    image_id: Ids, class_idx: npt.NDArray[np.int32], cluster: npt.NDArray[np.int8]
) -> npt.NDArray[np.int8]:
    key = class_idx.astype(np.int64) * MOST_CLUSTERS + cluster
    size = np.bincount(key)
    first = np.full(len(size), np.iinfo(np.int64).max)
    np.minimum.at(first, key, image_id)
    used = np.flatnonzero(size)
    ranked = used[np.lexsort((first[used], -size[used], used // MOST_CLUSTERS))]
    classes = ranked // MOST_CLUSTERS
    number = np.zeros(len(size), dtype=np.int8)
    number[ranked] = np.arange(len(ranked)) - np.searchsorted(classes, classes)
    return number[key]


def _fit_classes(run: RunFolder, predicted: pd.Series, seed: int) -> dict[int, ExplanationModel]:
    """The model of every class; features of as many classes in memory as fit."""
    units = run.dataset("features").schema.field("evidence").type.list_size
    drawn = _draw(predicted, seed)
    numbers = np.cumsum([len(ids) * units for ids in drawn.values()])
    groups = pd.Series(list(drawn)).groupby(numbers // _GROUP_NUMBERS)
    models = {}
    for _, classes in groups:
        ids, evidence = _load_evidence(run, np.concatenate([drawn[c] for c in classes]), units)
        for class_idx in classes:
            own = np.sort(drawn[class_idx])
            mine = np.searchsorted(ids, own[is_among(own, ids)])
            models[class_idx] = fit_explanations(evidence[mine].astype(np.float64), seed)
    return models


def _draw(predicted: pd.Series, seed: int) -> dict[int, Ids]:
    """The images that each class is fitted on."""
    ids, answers = predicted.index.to_numpy(np.int64), predicted.to_numpy()
    order = np.argsort(answers, kind="stable")
    classes, start = np.unique(answers[order], return_index=True)
    parts = pairwise([*start.tolist(), len(order)])
    return {
        class_idx: draw_ids(ids[order[at:stop]], _FIT_IMAGES, seed)
        for class_idx, (at, stop) in zip(classes.tolist(), parts, strict=True)
    }


def _load_evidence(
    run: RunFolder, image_ids: Ids, units: int
) -> tuple[Ids, npt.NDArray[np.float32]]:
    """By image_id; float32 holds values of the grid as they are."""
    wanted = np.sort(image_ids)
    evidence = np.zeros((len(wanted), units), np.float32)
    found = np.zeros(len(wanted), dtype=bool)
    for ids, some in _read_evidence(run, wanted):
        places = np.searchsorted(wanted, ids)
        evidence[places], found[places] = some, True
    return (wanted, evidence) if found.all() else (wanted[found], evidence[found])


def _read_evidence(run: RunFolder, image_ids: Ids | None = None) -> Iterator[tuple[Ids, Floats]]:
    """Image ids and their evidence, float64 (N, D), of length 1 and on the grid."""
    units = run.dataset("features").schema.field("evidence").type.list_size
    chosen = None if image_ids is None else pc.field("image_id").isin(pa.array(image_ids))
    size = max(1, _NUMBERS_AT_ONCE // units)
    for batch in run.batches("features", ["image_id", "evidence"], chosen, size):
        vectors, usable = unit_vectors(list_matrix(batch["evidence"]))
        yield batch["image_id"].to_numpy()[usable], vectors[usable]
