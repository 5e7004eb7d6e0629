"""Which cluster of its predicted class each image belongs to."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from threadpoolctl import threadpool_limits

from tasks.clusters.exact_distances import Floats, unit_vectors
from tasks.clusters.explanation_fit import ExplanationModel, fit_explanations
from tasks.clusters.stored_lists import list_matrix
from tasks.statistics.seeded_hash import Ids, draw_ids
from tasks.tables.storage import RunFolder

_FIT_IMAGES = 500
_NUMBERS_AT_ONCE = 2**22
_GROUP_NUMBERS = 2**26  # of float32, 256 MB


def assign_explanations(run: RunFolder, predicted: pd.Series, seed: int) -> pd.DataFrame:
    """Cluster the evidence of every class and assign its images.

    At most 500 images of a class are fitted on, drawn by a seeded hash. Images without evidence,
    or whose evidence is not finite, are left out.

    predicted : class by image_id

    Returns: columns image_id, class_idx, cluster and distance, by image_id. Clusters are
    numbered from the largest; of two as large, the one with the smallest image_id comes first.
    """
    with threadpool_limits(1):  # sums of several threads differ in their last bits
        models = _fit_classes(run, predicted, seed)
    parts = []
    for image_id, evidence in _read_evidence(run):
        classes = predicted.reindex(image_id).to_numpy()
        for class_idx in np.unique(classes[~np.isnan(classes)]).astype(int):
            mine = classes == class_idx
            cluster, distance = models[class_idx].assign(evidence[mine])
            columns = {"image_id": image_id[mine], "cluster": cluster, "distance": distance}
            parts.append(pd.DataFrame({"class_idx": class_idx, **columns}))
    if not parts:
        return pd.DataFrame(columns=["class_idx", "image_id", "cluster", "distance"], dtype=int)
    assigned = pd.concat(parts).sort_values("image_id", ignore_index=True)
    return assigned.assign(cluster=_renumber(assigned))


def _renumber(assigned: pd.DataFrame) -> pd.Series:
    by_cluster = assigned.groupby(["class_idx", "cluster"])["image_id"]
    sizes = by_cluster.agg(["size", "min"]).reset_index()
    ranked = sizes.sort_values(["class_idx", "size", "min"], ascending=[True, False, True])
    number = (
        ranked.groupby("class_idx")
        .cumcount()
        .set_axis(pd.MultiIndex.from_frame(ranked[["class_idx", "cluster"]]))
    )
    keys = pd.MultiIndex.from_frame(assigned[["class_idx", "cluster"]])
    return pd.Series(number.reindex(keys).to_numpy(), index=assigned.index)


def _fit_classes(run: RunFolder, predicted: pd.Series, seed: int) -> dict[int, ExplanationModel]:
    """The model of every class; features of as many classes in memory as fit."""
    units = run.dataset("features").schema.field("evidence").type.list_size
    drawn = {
        int(class_idx): draw_ids(rows.index.to_numpy(np.int64), _FIT_IMAGES, seed)
        for class_idx, rows in predicted.groupby(predicted)
    }
    numbers = np.cumsum([len(ids) * units for ids in drawn.values()])
    groups = pd.Series(list(drawn)).groupby(numbers // _GROUP_NUMBERS)
    models = {}
    for _, classes in groups:
        ids, evidence = _load_evidence(run, np.concatenate([drawn[c] for c in classes]), units)
        for class_idx in classes:
            mine = np.isin(ids, drawn[class_idx])
            models[class_idx] = fit_explanations(evidence[mine].astype(np.float64), seed)
    return models


def _load_evidence(
    run: RunFolder, image_ids: Ids, units: int
) -> tuple[Ids, npt.NDArray[np.float32]]:
    """By image_id; float32 holds values of the grid as they are."""
    ids, evidence = [np.empty(0, np.int64)], [np.empty((0, units), np.float32)]
    for some_ids, some in _read_evidence(run, image_ids):
        ids.append(some_ids)
        evidence.append(some.astype(np.float32))
    all_ids = np.concatenate(ids)
    order = np.argsort(all_ids)
    return all_ids[order], np.concatenate(evidence)[order]


def _read_evidence(run: RunFolder, image_ids: Ids | None = None) -> Iterator[tuple[Ids, Floats]]:
    """Image ids and their evidence, float64 (N, D), of length 1 and on the grid."""
    dataset = run.dataset("features")
    size = max(1, _NUMBERS_AT_ONCE // dataset.schema.field("evidence").type.list_size)
    chosen = None if image_ids is None else pc.field("image_id").isin(pa.array(image_ids))
    batches = dataset.to_batches(
        columns=["image_id", "evidence"], filter=chosen, batch_size=size, batch_readahead=2,
        fragment_readahead=1,
    )  # fmt: skip
    for batch in batches:
        vectors, usable = unit_vectors(list_matrix(batch["evidence"]))
        yield batch["image_id"].to_numpy()[usable], vectors[usable]
