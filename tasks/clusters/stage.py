"""Clusters of contexts and of explanations, from the tables of the first pass."""

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.clusters.cluster_members import tabulate_members
from tasks.clusters.context_clusters import Contexts, find_contexts
from tasks.clusters.context_risks import find_risks
from tasks.clusters.explanation_assignment import assign_explanations
from tasks.clusters.explanation_clusters import describe_explanations
from tasks.tables.background_schemas import CLUSTER_MEMBERS
from tasks.tables.by_image import columns_by_image, is_among, stored_image_ids
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import table_writer, write_table


def write_clusters(run: RunFolder) -> None:
    """Write `context_clusters`, `context_risks`, `explanation_clusters` and `cluster_members`.

    The tables depend neither on the shards nor on the order of the images. Without labels
    `context_risks` is empty. 20,000 images of 49 cells and 1,000 classes take a minute of one core
    and 0.4 GB; contexts grow with the images, explanation clusters mostly with the classes.

    Raises: AuditError where a table of the first pass is missing.
    """
    image_id = stored_image_ids(run, "predictions")
    answers = columns_by_image(run, "predictions", ["label", "predicted"], image_id)
    by_image = pd.DataFrame({"image_id": image_id, **answers}, copy=False)
    contexts = find_contexts(run)
    write_table(run.table_file("context_clusters"), contexts.table)
    write_table(run.table_file("context_risks"), _risks(by_image, contexts))
    predicted = by_image.set_index("image_id")["predicted"]
    explanations = assign_explanations(run, predicted, seed=0)
    described = describe_explanations(run, by_image, explanations)
    write_table(run.table_file("explanation_clusters"), described)
    with table_writer(run.table_file("cluster_members"), CLUSTER_MEMBERS) as writer:
        for members in tabulate_members(image_id, explanations, contexts):
            writer.write_table(members)


def _risks(by_image: pd.DataFrame, contexts: Contexts) -> pa.Table:
    """Images without an answer are of no class."""
    known = is_among(contexts.image_id, by_image["image_id"].to_numpy())
    place = np.searchsorted(by_image["image_id"], contexts.image_id[known])
    label, predicted = np.full((2, len(known)), -1, dtype=np.int64)
    for column, name in ((label, "label"), (predicted, "predicted")):
        column[known] = by_image[name].to_numpy()[place]
    return find_risks(contexts.image_id, label, predicted, contexts.present)
