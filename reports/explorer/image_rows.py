"""One row per audited image: what the explorer filters, sorts and exports."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from reports.explorer.image_groups import context_bits, explanations, tag_values
from reports.explorer.script_files import smallest_integers
from reports.tables import AuditTables
from tasks.tables.background_schemas import VERDICTS
from tasks.tables.by_image import rows_of_images

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


@dataclass(frozen=True)
class ImageRows:
    """table : one row per audited image, by image_id
    tags : values by name of tag; columns tag_0, tag_1, ... hold places in them, -1 where missing
    clusters : [class_idx, cluster, name]; the column `explanation` holds places in it
    contexts : clusters of contexts; bit k % 32 of the column contexts_<k // 32> is the k-th
    uris : in the order of the rows
    """

    table: pa.Table
    tags: dict[str, list[str]]
    clusters: list[tuple[int, int, str]]
    contexts: list[int]
    uris: list[str]


def collect_rows(tables: AuditTables) -> ImageRows:
    """All rows of `images` with what other tables say of the same images."""
    manifest, members = _read_manifest(tables), _members(tables)
    rows = tables.images
    ids = pd.Index(rows["image_id"])
    columns: dict[str, Any] = {
        name: smallest_integers(rows[name].to_numpy())
        for name in ("image_id", "label", "predicted", "width", "height")
    }
    columns["answer"] = _answers(rows)
    columns |= _quantities(tables)
    columns |= _states(tables, ids)
    tags = tag_values(manifest, ids)
    columns |= {
        f"tag_{place}": smallest_integers(codes) for place, (_, codes) in enumerate(tags.values())
    }
    explanation, clusters = explanations(tables, members, ids)
    columns |= {"explanation": explanation} if clusters else {}
    words, contexts = context_bits(tables, members, ids)
    columns |= {f"contexts_{place}": word for place, word in enumerate(words)}
    named = {name: values for name, (values, _) in tags.items()}
    uris = manifest["uri"].reindex(ids).tolist()
    return ImageRows(pa.table(columns), named, clusters, contexts, uris)


def _answers(rows: pd.DataFrame) -> pa.Array:
    labelled, mistake = rows["labelled"].to_numpy(), rows["mistake"].to_numpy()
    return pa.array(np.where(labelled, mistake, ANSWERS.index("unlabelled")), pa.int8())


def _quantities(tables: AuditTables) -> dict[str, pa.Array]:
    """Those of QUANTITIES that some image has, float32; NaN where one has none."""
    stored = {"object_energy": "predicted_object_energy"}
    columns = {
        name: tables.images[stored.get(name, name)].to_numpy(np.float32) for name in QUANTITIES
    }
    return {name: pa.array(column) for name, column in columns.items() if np.isfinite(column).any()}


def _states(tables: AuditTables, ids: pd.Index) -> dict[str, pa.Array]:
    """The state of the predicted class's map, and the verdict with whether it was tested."""
    columns = {"map": _codes(tables.images["predicted_state"], MAP_STATES)}
    if tables.background is not None:
        verdicts = tables.background.verdicts.set_index("image_id").reindex(ids)
        columns["verdict"] = _codes(verdicts["verdict"], VERDICTS)
        columns["tested"] = pa.array(verdicts["stratum"].notna().to_numpy(), pa.int8())
    return columns


def _codes(values: "pd.Series[str]", known: tuple[str, ...]) -> pa.Array:
    return pa.array(pd.Categorical(values, categories=known).codes, pa.int8())


def _read_manifest(tables: AuditTables) -> pd.DataFrame:
    """Columns uri, split and tags of the audited images, by image_id."""
    shown = tables.images["image_id"].to_numpy(np.int64)
    columns = ["image_id", "uri", "split", "tags"]
    rows = rows_of_images(tables.run, "manifest", columns, shown).to_pandas()
    return rows.set_index("image_id").sort_index()


def _members(tables: AuditTables) -> pd.DataFrame:
    """`cluster_members` by image_id; empty where the audit is older than that table."""
    columns = ["explanation", "contexts"]
    if not tables.run.is_written("cluster_members"):
        return pd.DataFrame(columns=columns)
    shown = tables.images["image_id"].to_numpy(np.int64)
    rows = rows_of_images(tables.run, "cluster_members", ["image_id", *columns], shown)
    return rows.to_pandas().set_index("image_id")
