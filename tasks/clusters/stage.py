"""Clusters of contexts and of explanations, from the tables of the first pass."""

import numpy as np

from tasks.clusters.cluster_members import tabulate_members
from tasks.clusters.context_clusters import find_contexts
from tasks.clusters.context_risks import find_risks
from tasks.clusters.explanation_assignment import assign_explanations
from tasks.clusters.explanation_clusters import describe_explanations
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_table


def write_clusters(run: RunFolder) -> None:
    """Write `context_clusters`, `context_risks`, `explanation_clusters` and `cluster_members`.

    The tables depend neither on the shards nor on the order of the images. Without labels
    `context_risks` is empty. 20,000 images of 49 cells and 1,000 classes take a minute of one core
    and 0.4 GB; contexts grow with the images, explanation clusters mostly with the classes.

    Raises: AuditError where a table of the first pass is missing.
    """
    predictions = run.dataset("predictions").to_table(columns=["image_id", "label", "predicted"])
    by_image = predictions.to_pandas().sort_values("image_id", ignore_index=True)
    contexts = find_contexts(run)
    write_table(run.table_file("context_clusters"), contexts.table)
    audited = by_image.set_index("image_id").reindex(contexts.image_id).fillna(-1)
    risks = find_risks(
        contexts.image_id,
        audited["label"].to_numpy(np.int64),
        audited["predicted"].to_numpy(np.int64),
        contexts.present,
    )
    write_table(run.table_file("context_risks"), risks)
    explanations = assign_explanations(run, by_image.set_index("image_id")["predicted"], seed=0)
    described = describe_explanations(run, by_image, explanations)
    write_table(run.table_file("explanation_clusters"), described)
    image_id = by_image["image_id"].to_numpy(np.int64)
    members = tabulate_members(image_id, explanations, contexts)
    write_table(run.table_file("cluster_members"), members)
