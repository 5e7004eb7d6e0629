"""Which clusters every image belongs to."""

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.clusters.context_clusters import Contexts
from tasks.statistics.seeded_hash import Ids
from tasks.tables.background_schemas import CLUSTER_MEMBERS


def tabulate_members(image_id: Ids, explanations: pd.DataFrame, contexts: Contexts) -> pa.Table:
    """The clusters of each image.

    image_id : int64, ascending: all audited images
    explanations : columns image_id and cluster, as `assign_explanations` returns them

    Returns: a table of schema CLUSTER_MEMBERS, in the order of `image_id`
    """
    own = explanations.set_index("image_id")["cluster"].reindex(image_id)
    place = pd.Index(contexts.image_id).get_indexer(image_id)
    present = np.zeros((len(image_id), contexts.present.shape[1]), dtype=bool)
    present[place >= 0] = contexts.present[place[place >= 0]]
    offsets = np.concatenate([[0], np.cumsum(present.sum(axis=1))])
    lists = pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.array(np.nonzero(present)[1], pa.int32())
    )
    columns = {
        "image_id": image_id,
        "explanation": pa.array(own.astype("Int32")),
        "contexts": lists,
    }
    return pa.table(columns, schema=CLUSTER_MEMBERS)
