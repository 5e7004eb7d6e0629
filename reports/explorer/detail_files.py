"""What the viewer tells of one image beyond its row, in files that it loads when it needs them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reports.background.stored_background import fetch_trails
from reports.explorer.change_lists import change_columns
from reports.explorer.feature_table import feature_facts
from reports.explorer.features import FeatureFacts
from reports.explorer.script_files import smallest_integers, write_script
from reports.tables import AuditTables
from tasks.tables.by_image import rows_of_images

IMAGES_PER_FILE = 512


def write_detail_files(tables: AuditTables, folder: Path, links: dict[str, dict[int, str]]) -> None:
    """Write details-0.js, details-1.js, ... of IMAGES_PER_FILE images each into `folder`.

    links : pages of the report by image_id, by the name of their column; images with a `strip`
        have pictures of what was changed about them
    """
    ids = tables.images["image_id"].to_numpy(np.int64)
    top_class, top_probability = _top(tables)
    columns = {
        "top_class": top_class,
        "top_probability": top_probability,
        "trail": _trails(tables, ids),
        **_feature_columns(feature_facts(tables)),
        **change_columns(tables, links.get("strip", {})),
        **{
            name: pa.array([hrefs.get(i) for i in ids.tolist()], pa.string())
            for name, hrefs in links.items()
        },
    }
    details = pa.table(columns)
    for number, start in enumerate(range(0, len(ids), IMAGES_PER_FILE)):
        write_script(folder, f"details-{number}", details.slice(start, IMAGES_PER_FILE))


def _top(tables: AuditTables) -> tuple[pa.Array, pa.Array]:
    """Classes and probabilities of the largest logits, as lists in the order of image_id.

    p_k = p_1 exp(l_k - l_1): the sum under a softmax is the same for all classes.
    """
    names = ["image_id", "probability", "top_k_class", "top_k_logit"]
    shown = tables.images["image_id"].to_numpy(np.int64)
    rows = rows_of_images(tables.run, "predictions", names, shown).sort_by("image_id")
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


def _trails(tables: AuditTables, ids: Any) -> pa.ListArray:
    """The sentences behind each image's verdict; none where it has no verdict."""
    kind = pa.list_(pa.string())
    if tables.background is None:
        return pa.array([[]] * len(ids), kind)
    rows = fetch_trails(tables.run, ids)
    place = pc.index_in(pa.array(ids), rows["image_id"])
    found = rows["trail"].take(place).combine_chunks().cast(kind)
    return pc.if_else(found.is_valid(), found, pa.scalar([], kind))


def _feature_columns(facts: FeatureFacts) -> dict[str, pa.Array]:
    units, neighbours = facts.units, facts.neighbours
    return {
        "units": _known(units, units, np.int32),
        "strengths": _known(facts.strengths, units, np.float16),
        "neighbours": _known(neighbours, neighbours, np.int32),
        "similarities": _known(facts.similarities, neighbours, np.float16),
    }


def _known(values: Any, places: Any, kind: type) -> pa.Array:
    """Rows as lists, without the entries whose place is -1."""
    known = places >= 0
    offsets = np.concatenate([[0], np.cumsum(known.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, pa.array(values[known].astype(kind)))
