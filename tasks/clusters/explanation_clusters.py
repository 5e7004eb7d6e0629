"""Explanation clusters: the kinds of evidence on which the model names each class."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.clusters.cluster_names import name_clusters
from tasks.clusters.exact_distances import Floats
from tasks.clusters.explanation_assignment import assign_explanations
from tasks.clusters.explanation_fit import MOST_CLUSTERS
from tasks.statistics.intervals import wilson_interval
from tasks.statistics.seeded_hash import Ids
from tasks.tables.background_schemas import EXPLANATION_CLUSTERS
from tasks.tables.by_image import columns_by_image
from tasks.tables.storage import RunFolder

EXEMPLARS = 9
_CLUSTER = ["class_idx", "cluster"]


def find_explanation_clusters(run: RunFolder, predictions: pd.DataFrame, seed: int = 0) -> pa.Table:
    """Cluster the evidence of each predicted class.

    The result depends neither on the order of the images nor on the shards that they are in.

    predictions : columns image_id, label, predicted, by image_id

    Returns: a table of schema EXPLANATION_CLUSTERS, by class and cluster
    """
    assigned = assign_explanations(run, predictions.set_index("image_id")["predicted"], seed)
    return describe_explanations(run, predictions, assigned)


def describe_explanations(
    run: RunFolder, predictions: pd.DataFrame, assigned: pd.DataFrame
) -> pa.Table:
    """The clusters that images were assigned to.

    predictions : columns image_id, label, predicted, by image_id
    assigned : as `assign_explanations` returns it

    Returns: a table of schema EXPLANATION_CLUSTERS, by class and cluster
    """
    if not len(assigned):
        return EXPLANATION_CLUSTERS.empty_table()
    rows = _count(run, predictions, assigned)
    with_names = rows.assign(**_accuracy(rows), name=_names(run, assigned, rows))
    with_exemplars = with_names.merge(_exemplars(assigned), on=_CLUSTER)
    table = pa.Table.from_pandas(with_exemplars, schema=EXPLANATION_CLUSTERS, preserve_index=False)
    return table.replace_schema_metadata(None)


def _count(run: RunFolder, predictions: pd.DataFrame, assigned: pd.DataFrame) -> pd.DataFrame:
    """Columns class_idx, cluster, images, labelled, correct and object_energy, by cluster."""
    image_id = assigned["image_id"].to_numpy()
    place = np.searchsorted(predictions["image_id"], image_id)
    label = predictions["label"].to_numpy()[place]
    right = (label >= 0) & (label == predictions["predicted"].to_numpy()[place])
    key = assigned["class_idx"].to_numpy(np.int64) * MOST_CLUSTERS + assigned["cluster"]
    images = np.bincount(key)
    used = np.flatnonzero(images)
    # Means are sums, and a sum's last bits depend on its order: that of image_id.
    energy = pd.Series(_object_energy(run, image_id)).groupby(key).mean()
    counts = {"images": images, "labelled": np.bincount(key[label >= 0], minlength=len(images)),
              "correct": np.bincount(key[right], minlength=len(images))}  # fmt: skip
    columns = {name: count[used] for name, count in counts.items()}
    keys = {"class_idx": used // MOST_CLUSTERS, "cluster": used % MOST_CLUSTERS}
    return pd.DataFrame({**keys, **columns, "object_energy": energy.to_numpy()})


def _accuracy(rows: pd.DataFrame) -> dict[str, object]:
    low, high = wilson_interval(rows["correct"], rows["labelled"])
    share = rows["correct"] / rows["labelled"].where(rows["labelled"] > 0)
    return {"accuracy": share, "accuracy_low": low, "accuracy_high": high}


def _names(run: RunFolder, assigned: pd.DataFrame, rows: pd.DataFrame) -> list[str]:
    by_tags = name_clusters(run, assigned)
    keys = zip(rows["class_idx"], rows["cluster"], strict=True)
    return [by_tags.get(key, f"cluster {key[1]}") for key in keys]


def _exemplars(assigned: pd.DataFrame) -> pd.DataFrame:
    """The images nearest to each centre; of images as near, the smallest ids."""
    image_id = assigned["image_id"].to_numpy()
    key = assigned["class_idx"].to_numpy() * MOST_CLUSTERS + assigned["cluster"].to_numpy()
    order = np.lexsort((image_id, assigned["distance"], key))
    used, start = np.unique(key[order], return_index=True)
    nearest = [image_id[order[at : min(at + EXEMPLARS, stop)]].tolist()
               for at, stop in pairwise([*start.tolist(), len(order)])]  # fmt: skip
    keys = {"class_idx": used // MOST_CLUSTERS, "cluster": used % MOST_CLUSTERS}
    return pd.DataFrame({**keys, "exemplars": nearest})


def _object_energy(run: RunFolder, image_id: Ids) -> Floats:
    """float64, shape (N,): of the predicted class's map; NaN: no object."""
    chosen = (pc.field("role") == "predicted") & (pc.field("method") == run.first_method())
    columns = columns_by_image(run, "heatmaps", ["object_energy"], image_id, chosen)
    energy: Floats = columns["object_energy"].astype(np.float64)
    return energy
