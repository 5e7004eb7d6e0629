"""One row per audited image: what the explorer filters, sorts and exports."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from reports.explorer.script_files import smallest_integers
from reports.tables import AuditTables
from tasks.tables.background_schemas import VERDICTS

ANSWERS = ("right", "mistake", "unlabelled")
MAP_STATES = ("ok", "empty", "not_finite")
# column -> what it is called; in the order in which the page offers them
QUANTITIES = {
    "probability": "Confidence",
    "label_probability": "Probability of the label",
    "score": "Background score",
    "loss": "Loss",
    "margin": "Margin",
    "object_energy": "Energy on the object",
    "lift": "Background lift",
}
_BITS = 32  # of one column of contexts


@dataclass(frozen=True)
class ImageRows:
    """table : one row per audited image, by image_id
    tags : values by name of tag; columns tag_0, tag_1, ... hold places in them, -1 where missing
    clusters : [class_idx, cluster, name]; the column `explanation` holds places in it
    contexts : clusters of contexts; bit k % 32 of the column contexts_<k // 32> is the k-th
    """

    table: pa.Table
    tags: dict[str, list[str]]
    clusters: list[tuple[int, int, str]]
    contexts: list[int]


def collect_rows(tables: AuditTables, manifest: pd.DataFrame, members: pd.DataFrame) -> ImageRows:
    """All rows of `predictions` with what other tables say of the same images.

    manifest : columns tags and split, by image_id
    members : columns explanation and contexts of `cluster_members`, by image_id; may be empty
    """
    rows = tables.predictions
    ids = pd.Index(rows["image_id"])
    columns: dict[str, Any] = {
        name: smallest_integers(rows[name].to_numpy())
        for name in ("image_id", "label", "predicted", "width", "height")
    }
    columns["answer"] = _answers(rows)
    columns |= _quantities(tables, ids)
    columns |= _states(tables, ids)
    tags = _tag_values(manifest, ids)
    columns |= {
        f"tag_{place}": smallest_integers(codes) for place, (_, codes) in enumerate(tags.values())
    }
    explanation, clusters = _explanations(tables, members, ids)
    columns |= {"explanation": explanation} if clusters else {}
    words, contexts = _context_bits(tables, members, ids)
    columns |= {f"contexts_{place}": word for place, word in enumerate(words)}
    return ImageRows(
        pa.table(columns), {name: values for name, (values, _) in tags.items()}, clusters, contexts
    )


def _answers(rows: pd.DataFrame) -> pa.Array:
    labelled, mistake = rows["labelled"].to_numpy(), rows["mistake"].to_numpy()
    return pa.array(np.where(labelled, mistake, ANSWERS.index("unlabelled")), pa.int8())


def _quantities(tables: AuditTables, ids: pd.Index) -> dict[str, pa.Array]:
    """Those of QUANTITIES that some image has, float32; NaN where one has none."""
    found = tables.predictions.set_index("image_id")
    known = {name: found[name] for name in QUANTITIES if name in found}
    if tables.background is not None:
        scores = tables.background.scores.set_index("image_id")
        known |= {name: scores[name] for name in ("score", "lift")}
    evidence = tables.evidence[tables.evidence["role"] == "predicted"]
    known["object_energy"] = evidence.set_index("image_id")["object_energy"]
    whole = {
        name: known[name].reindex(ids).to_numpy(np.float32) for name in QUANTITIES & known.keys()
    }
    return {
        name: pa.array(whole[name])
        for name in QUANTITIES
        if name in whole and np.isfinite(whole[name]).any()
    }


def _states(tables: AuditTables, ids: pd.Index) -> dict[str, pa.Array]:
    """The state of the predicted class's map, and the verdict with whether it was tested."""
    evidence = tables.evidence[tables.evidence["role"] == "predicted"]
    states = evidence.set_index("image_id")["state"].astype(str).reindex(ids)
    columns = {"map": _codes(states, MAP_STATES)}
    if tables.background is not None:
        verdicts = tables.background.verdicts.set_index("image_id").reindex(ids)
        columns["verdict"] = _codes(verdicts["verdict"], VERDICTS)
        columns["tested"] = pa.array(verdicts["stratum"].notna().to_numpy(), pa.int8())
    return columns


def _codes(values: "pd.Series[str]", known: tuple[str, ...]) -> pa.Array:
    return pa.array(pd.Categorical(values, categories=known).codes, pa.int8())


def _tag_values(
    manifest: pd.DataFrame, ids: pd.Index
) -> dict[str, tuple[list[str], npt.NDArray[np.int64]]]:
    """By name of tag its values and, for each image, the place of its own."""
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


def _explanations(
    tables: AuditTables, members: pd.DataFrame, ids: pd.Index
) -> tuple[pa.Array, list[tuple[int, int, str]]]:
    if tables.patterns is None or not len(members):
        return pa.nulls(0), []
    stored = tables.patterns.sort_values(["class_idx", "cluster"])
    keys = list(zip(stored["class_idx"].tolist(), stored["cluster"].tolist(), strict=True))
    own = pd.DataFrame(
        {
            "class_idx": tables.predictions["predicted"].to_numpy(),
            "cluster": members["explanation"].reindex(ids).fillna(-1).to_numpy(np.int64),
        }
    )
    places = pd.MultiIndex.from_tuples(keys, names=["class_idx", "cluster"]).get_indexer(
        pd.MultiIndex.from_frame(own)
    )
    names = [str(name) for name in stored["name"]]
    clusters = [(*key, name) for key, name in zip(keys, names, strict=True)]
    return smallest_integers(places), clusters


def _context_bits(
    tables: AuditTables, members: pd.DataFrame, ids: pd.Index
) -> tuple[list[pa.Array], list[int]]:
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
