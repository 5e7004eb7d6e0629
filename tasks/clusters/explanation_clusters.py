"""Explanation clusters: the kinds of evidence on which the model names each class."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.clusters.cluster_names import name_clusters
from tasks.clusters.explanation_assignment import assign_explanations
from tasks.statistics.intervals import wilson_interval
from tasks.tables.background_schemas import EXPLANATION_CLUSTERS
from tasks.tables.storage import RunFolder

EXEMPLARS = 9
_CLUSTER = ["class_idx", "cluster"]


def find_explanation_clusters(run: RunFolder, predictions: pd.DataFrame, seed: int = 0) -> pa.Table:
    """Cluster the evidence of each predicted class.

    The result depends neither on the order of the images nor on the shards that they are in.

    predictions : columns image_id, label, predicted

    Returns: a table of schema EXPLANATION_CLUSTERS, by class and cluster
    """
    assigned = assign_explanations(run, predictions.set_index("image_id")["predicted"], seed)
    return describe_explanations(run, predictions, assigned)


def describe_explanations(
    run: RunFolder, predictions: pd.DataFrame, assigned: pd.DataFrame
) -> pa.Table:
    """The clusters that images were assigned to.

    predictions : columns image_id, label, predicted
    assigned : as `assign_explanations` returns it

    Returns: a table of schema EXPLANATION_CLUSTERS, by class and cluster
    """
    if not len(assigned):
        return EXPLANATION_CLUSTERS.empty_table()
    facts = assigned.merge(predictions, on="image_id").merge(
        _object_energy(run), on="image_id", how="left"
    )
    facts["labelled"] = facts["label"] >= 0
    facts["correct"] = facts["labelled"] & (facts["label"] == facts["predicted"])
    # Means are sums, and a sum's last bits depend on its order.
    facts = facts.sort_values("image_id")
    rows = facts.groupby(_CLUSTER, as_index=False).agg(
        images=("image_id", "size"),
        labelled=("labelled", "sum"),
        correct=("correct", "sum"),
        object_energy=("object_energy", "mean"),
    )
    with_names = rows.assign(**_accuracy(rows), name=_names(run, assigned, rows))
    with_exemplars = with_names.merge(_exemplars(assigned), on=_CLUSTER)
    table = pa.Table.from_pandas(with_exemplars, schema=EXPLANATION_CLUSTERS, preserve_index=False)
    return table.replace_schema_metadata(None)


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
    nearest = assigned.sort_values([*_CLUSTER, "distance", "image_id"])
    first = nearest.groupby(_CLUSTER).head(EXEMPLARS).groupby(_CLUSTER)["image_id"]
    return first.agg(exemplars=list).reset_index()


def _object_energy(run: RunFolder) -> pd.DataFrame:
    """Columns image_id and object_energy, float64, of the predicted class's map."""
    chosen = (pc.field("role") == "predicted") & (pc.field("method") == run.first_method())
    rows = run.dataset("heatmaps").to_table(columns=["image_id", "object_energy"], filter=chosen)
    energy = rows["object_energy"].to_numpy().astype(np.float64)
    return pd.DataFrame({"image_id": rows["image_id"].to_numpy(), "object_energy": energy})
