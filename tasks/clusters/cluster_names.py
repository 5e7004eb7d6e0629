"""What the manifest's tags say about clusters."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from tasks.clusters.rate_differences import fisher_greater
from tasks.tables.by_image import is_among
from tasks.tables.storage import RunFolder
from tasks.tables.tags import tag_rows

LEAST_SHARE = 0.5  # of the cluster that must have the tag's value
LEAST_DIFFERENCE = 0.2  # ... above the share in the rest of the class
LARGEST_Q_VALUE = 0.05
_MOST_TAGS = 2
_CLUSTER = ["class_idx", "cluster"]


def name_clusters(run: RunFolder, assigned: pd.DataFrame) -> dict[tuple[int, int], str]:
    """Names of the clusters that a tag distinguishes from the rest of their class.

    A value distinguishes a cluster that it holds most of, where the rest of the class has it
    less often by a floor and by Fisher's exact test, Benjamini-Hochberg over all values that
    hold most of a cluster.

    assigned : columns image_id, class_idx, cluster, by image_id

    Returns: at most two tags, "site = 3, camera = b", the most distinguishing first, by
    (class_idx, cluster).
    """
    names: dict[tuple[int, int], str] = {}
    for (class_idx, cluster), rows in _distinguishing(_count(run, assigned), assigned):
        texts = [f"{tag} = {value}" for tag, value in zip(rows["tag"], rows["value"], strict=True)]
        names[class_idx, cluster] = ", ".join(texts[:_MOST_TAGS])
    return names


def _distinguishing(
    counts: pd.DataFrame, assigned: pd.DataFrame
) -> Iterator[tuple[tuple[int, int], pd.DataFrame]]:
    """Rows tag, value of each cluster that has any, the largest difference first."""
    sizes = assigned.groupby(_CLUSTER).size().rename("size").reset_index()
    sizes["others"] = sizes.groupby("class_idx")["size"].transform("sum") - sizes["size"]
    rows = counts.merge(sizes, on=_CLUSTER)
    rows["elsewhere"] = rows.groupby(["class_idx", "tag", "value"])["images"].transform("sum")
    rows["elsewhere"] -= rows["images"]
    rows = rows[(rows["images"] > LEAST_SHARE * rows["size"]) & (rows["others"] > 0)]
    if not len(rows):
        return
    p_values = fisher_greater(rows["images"], rows["size"], rows["elsewhere"], rows["others"])
    difference = rows["images"] / rows["size"] - rows["elsewhere"] / rows["others"]
    clear = (false_discovery_control(p_values) <= LARGEST_Q_VALUE) & (
        difference >= LEAST_DIFFERENCE
    )
    ranked = rows.assign(difference=difference)[clear].sort_values(
        ["difference", "tag"], ascending=[False, True]
    )
    yield from ranked.groupby(_CLUSTER)


def _count(run: RunFolder, assigned: pd.DataFrame) -> pd.DataFrame:
    """Columns class_idx, cluster, tag, value and images, a few rows of the manifest at a time."""
    image_id = assigned["image_id"].to_numpy()
    keys = [*_CLUSTER, "tag", "value"]
    counts = [pd.DataFrame(columns=[*keys, "images"])]
    for batch in run.batches("manifest", ["image_id", "tags"]):
        rows = tag_rows(batch)
        rows = rows[is_among(rows["image_id"].to_numpy(), image_id)]
        own = assigned.iloc[np.searchsorted(image_id, rows["image_id"])]
        rows = rows.assign(**{name: own[name].to_numpy() for name in _CLUSTER})
        counts.append(rows.groupby(keys).size().rename("images").reset_index())
    found = pd.concat([count for count in counts if len(count)] or counts[:1])
    return found.groupby(keys, as_index=False)["images"].sum()
