"""What images have in common with others, found out once and stored."""

from typing import Any

import numpy as np
import pyarrow as pa

from reports.explorer.features import FeatureFacts, Ids, collect_features
from reports.tables import AuditTables
from tasks.tables.image_schema import FACTS_PER_IMAGE, SHOWN_FEATURES

SET_ASIDE = "shown_features"
_FACTS = SHOWN_FEATURES.names[1:]


def feature_facts(tables: AuditTables) -> FeatureFacts:
    """What the audit has set aside of exactly these images; else it is found out now."""
    ids = tables.images["image_id"].to_numpy(np.int64)
    if tables.run.is_written(SET_ASIDE):
        stored = tables.run.dataset(SET_ASIDE).to_table()
        if np.array_equal(stored["image_id"].to_numpy(), ids):
            units, strengths, near, similarities = (_matrix(stored[name]) for name in _FACTS)
            places = np.where(near >= 0, np.searchsorted(ids, near), -1).astype(np.int32)
            return FeatureFacts(units, strengths, places, similarities)
    return collect_features(tables)


def facts_table(ids: Ids, facts: FeatureFacts) -> pa.Table:
    """A table of schema SHOWN_FEATURES.

    ids : of the images, ascending, shape (N,)
    """
    near = np.where(facts.neighbours >= 0, ids[facts.neighbours], -1)
    rows = facts.units, facts.strengths, near, facts.similarities
    lists = [
        pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), FACTS_PER_IMAGE)
        for values in rows
    ]
    return pa.table([pa.array(ids), *lists], schema=SHOWN_FEATURES)


def _matrix(lists: pa.ChunkedArray) -> Any:
    values = lists.combine_chunks()
    return values.flatten().to_numpy(zero_copy_only=False).reshape(len(values), -1)
