"""What the viewer tells of one image beyond its row, in files that it loads when it needs them."""

from collections.abc import Container
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reports.background.background_words import INTERVENTIONS, intervention_words
from reports.background.stored_background import fetch_trails
from reports.background.strips import changed_picture
from reports.explorer.features import FeatureFacts, collect_features
from reports.explorer.script_files import smallest_integers, write_script
from reports.tables import AuditTables
from tasks.tables.by_image import is_among

IMAGES_PER_FILE = 512
_CHANGES = [
    "image_id", "intervention", "draw", "donor_id", "predicted", "logit_predicted", "logit_against",
]  # fmt: skip

Lists = dict[int, list[Any]]


def write_detail_files(tables: AuditTables, folder: Path, links: dict[str, dict[int, str]]) -> None:
    """Write details-0.js, details-1.js, ... of IMAGES_PER_FILE images each into `folder`.

    links : pages of the report by image_id, by the name of their column; images with a `strip`
        have pictures of what was changed about them
    """
    ids = tables.images["image_id"].to_numpy(np.int64)
    facts = collect_features(tables)
    top_class, top_probability = _top(tables)
    trails = {} if tables.background is None else fetch_trails(tables.run, ids)
    changes = _changes(tables, links.get("strip", {}))
    for number, start in enumerate(range(0, len(ids), IMAGES_PER_FILE)):
        part = ids[start : start + IMAGES_PER_FILE]
        rows = slice(start, start + len(part))
        columns = {
            "top_class": top_class.slice(start, len(part)),
            "top_probability": top_probability.slice(start, len(part)),
            "trail": pa.array([trails.get(int(i), []) for i in part], pa.list_(pa.string())),
            **_feature_columns(facts, rows),
            **_change_columns([changes.get(int(i), []) for i in part], ids),
            **{
                name: pa.array([hrefs.get(int(i)) for i in part], pa.string())
                for name, hrefs in links.items()
            },
        }
        write_script(folder, f"details-{number}", pa.table(columns))


def _top(tables: AuditTables) -> tuple[pa.Array, pa.Array]:
    """Classes and probabilities of the largest logits, as lists in the order of image_id.

    p_k = p_1 exp(l_k - l_1): the sum under a softmax is the same for all classes.
    """
    names = ["image_id", "probability", "top_k_class", "top_k_logit"]
    stored = tables.run.dataset("predictions").to_table(columns=names)
    shown = tables.images["image_id"].to_numpy(np.int64)
    known = is_among(stored["image_id"].to_numpy(), shown)
    rows = stored.filter(pa.array(known)).sort_by("image_id")
    classes, logits = (rows[name].combine_chunks() for name in names[2:])
    lengths = np.diff(classes.offsets.to_numpy())
    values = logits.flatten().to_numpy().astype(np.float64)
    first = np.repeat(values[classes.offsets.to_numpy()[:-1][lengths > 0]], lengths[lengths > 0])
    largest = np.repeat(rows["probability"].to_numpy(), lengths)
    probability = (largest * np.exp(values - first)).astype(np.float16)
    offsets = classes.offsets
    return (
        pa.ListArray.from_arrays(offsets, smallest_integers(classes.flatten().to_numpy())),
        pa.ListArray.from_arrays(offsets, pa.array(probability)),
    )


def _feature_columns(facts: FeatureFacts, rows: slice) -> dict[str, pa.Array]:
    units, neighbours = facts.units[rows], facts.neighbours[rows]
    return {
        "units": _known(units, units, np.int32),
        "strengths": _known(facts.strengths[rows], units, np.float16),
        "neighbours": _known(neighbours, neighbours, np.int32),
        "similarities": _known(facts.similarities[rows], neighbours, np.float16),
    }


def _known(values: Any, places: Any, kind: type) -> pa.Array:
    """Rows as lists, without the entries whose place is -1."""
    known = places >= 0
    offsets = np.concatenate([[0], np.cumsum(known.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, pa.array(values[known].astype(kind)))


def _changes(tables: AuditTables, strips: Container[int]) -> Lists:
    """Rows of `evidence` by image, in the order of INTERVENTIONS.

    strips : images whose changed pictures the report has, where they were kept
    """
    folder = tables.run.root / "tables" / "evidence"
    if tables.background is None or not any(folder.glob("*.parquet")):
        return {}
    columns = {name: pc.field(name) for name in _CHANGES}
    columns["kept"] = pc.field("picture").is_valid()
    rows = tables.run.dataset("evidence").to_table(columns=columns).to_pandas()
    rank = {name: place for place, name in enumerate(INTERVENTIONS)}
    rows["kind"] = rows["intervention"].map(rank)
    rows = rows[rows["kind"].notna()].sort_values(["image_id", "kind", "draw"])
    changes: Lists = {}
    for row in rows.to_dict("records"):
        shown = row["kept"] and row["image_id"] in strips
        row["picture"] = changed_picture(row) if shown else None
        changes.setdefault(int(row["image_id"]), []).append(row)
    return changes


def _change_columns(changes: list[list[dict[str, Any]]], ids: Any) -> dict[str, pa.Array]:
    """Lists side by side, one entry per changed version of an image."""

    def lists(kind: pa.DataType, entry: Any) -> pa.Array:
        return pa.array([[entry(row) for row in own] for own in changes], pa.list_(kind))

    place = pd.Index(ids)
    return {
        "change_kind": lists(pa.int8(), lambda row: int(row["kind"])),
        "change_donor": lists(pa.int32(), lambda row: int(place.get_indexer([row["donor_id"]])[0])),
        "change_predicted": lists(pa.int32(), lambda row: int(row["predicted"])),
        "change_margin": lists(
            pa.float32(), lambda row: float(row["logit_predicted"] - row["logit_against"])
        ),
        "change_picture": lists(pa.string(), lambda row: row["picture"]),
    }


def change_words() -> list[tuple[str, str]]:
    """Heading and caption of each kind of change; {predicted} and {against} stand for names."""
    return [intervention_words(kind, "{predicted}", "{against}") for kind in INTERVENTIONS]
