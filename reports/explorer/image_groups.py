"""What images can be grouped by: tags of the manifest, patterns of evidence, contexts."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from reports.explorer.script_files import smallest_integers
from reports.tables import AuditTables

_BITS = 32  # of one column of contexts


def tag_values(
    manifest: pd.DataFrame, ids: pd.Index
) -> dict[str, tuple[list[str], npt.NDArray[np.int64]]]:
    """By name of tag its values and, for each image, the place of its own, -1 for none. The split
    is a tag where the manifest has one.

    manifest : columns tags and split, by image_id
    """
    of_image = manifest.reindex(ids)
    pairs = [dict(tags) if isinstance(tags, list) else {} for tags in of_image["tags"]]
    frame = pd.DataFrame(pairs, index=ids)
    if "split" not in frame and of_image["split"].notna().any():
        frame["split"] = of_image["split"]
    found = {}
    for name in sorted(frame.columns):
        codes, values = pd.factorize(frame[name], sort=True)
        found[str(name)] = [str(value) for value in values], codes
    return found


def explanations(
    tables: AuditTables, members: pd.DataFrame, ids: pd.Index
) -> tuple[pa.Array, list[tuple[int, int, str]]]:
    """For each image the place of its cluster among all of them, -1 where it has none; and these
    as [class_idx, cluster, name]."""
    if tables.patterns is None or not len(members):
        return pa.nulls(0), []
    stored = tables.patterns.sort_values(["class_idx", "cluster"])
    keys = list(zip(stored["class_idx"].tolist(), stored["cluster"].tolist(), strict=True))
    own = pd.DataFrame(
        {
            "class_idx": tables.images["predicted"].to_numpy(),
            "cluster": members["explanation"].reindex(ids).fillna(-1).to_numpy(np.int64),
        }
    )
    places = pd.MultiIndex.from_tuples(keys, names=["class_idx", "cluster"]).get_indexer(
        pd.MultiIndex.from_frame(own)
    )
    names = [str(name) for name in stored["name"]]
    clusters = [(*key, name) for key, name in zip(keys, names, strict=True)]
    return smallest_integers(places), clusters


def context_bits(
    tables: AuditTables, members: pd.DataFrame, ids: pd.Index
) -> tuple[list[pa.Array], list[int]]:
    """The contexts that each image shows as bits of as many columns as they need; and these."""
    if tables.contexts is None or not len(members):
        return [], []
    clusters = sorted(int(cluster) for cluster in tables.contexts.clusters["cluster"])
    shown = members["contexts"].reindex(ids).map(lambda v: v if isinstance(v, np.ndarray) else [])
    image = np.repeat(np.arange(len(ids)), [len(own) for own in shown])
    place = np.searchsorted(clusters, np.concatenate([np.empty(0, np.int64), *shown]))
    words = np.zeros((-(-len(clusters) // _BITS), len(ids)), dtype=np.uint32)
    np.bitwise_or.at(
        words, (place // _BITS, image), np.uint32(1) << (place % _BITS).astype(np.uint32)
    )
    return [pa.array(word) for word in words], clusters
