"""Which clusters every image belongs to."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from tasks.clusters.context_clusters import Contexts
from tasks.statistics.seeded_hash import Ids
from tasks.tables.background_schemas import CLUSTER_MEMBERS

_IMAGES_AT_ONCE = 2**16


def tabulate_members(
    image_id: Ids, explanations: pd.DataFrame, contexts: Contexts
) -> Iterator[pa.Table]:
    """The clusters of each image, some images at a time.

    image_id : int64, ascending: all audited images
    explanations : columns image_id and cluster, as `assign_explanations` returns them

    Yields: tables of schema CLUSTER_MEMBERS, in the order of `image_id`
    """
    order = np.argsort(contexts.image_id, kind="stable")
    for start in range(0, len(image_id), _IMAGES_AT_ONCE):
        ids = image_id[start : start + _IMAGES_AT_ONCE]
        explained, own = _places(ids, explanations["image_id"].to_numpy())
        with_cells, row = _places(ids, contexts.image_id, order)
        present = np.zeros((len(ids), contexts.present.columns), dtype=np.bool_)
        present[with_cells] = contexts.present[row]
        offsets = np.concatenate([[0], np.cumsum(present.sum(axis=1))])
        lists = pa.ListArray.from_arrays(
            pa.array(offsets, pa.int32()), pa.array(np.nonzero(present)[1], pa.int32())
        )
        cluster = np.zeros(len(ids), dtype=np.int32)
        cluster[explained] = explanations["cluster"].to_numpy()[own]
        columns = [ids, pa.array(cluster, mask=~explained), lists]
        yield pa.table(columns, schema=CLUSTER_MEMBERS)


def _places(ids: Ids, among: Ids, order: Ids | None = None) -> tuple[npt.NDArray[np.bool_], Ids]:
    """Which of `ids` are `among` others, and where those stand there.

    order : in which `among` ascends; None: as it is
    """
    place = np.searchsorted(among, ids, sorter=order)
    inside = place < len(among)
    place = place[inside] if order is None else order[place[inside]]
    found = among[place] == ids[inside]
    inside[inside] = found
    return inside, place[found]
