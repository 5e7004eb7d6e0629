"""What two audits stored of their units."""

from typing import Any

import pandas as pd
import pyarrow.compute as pc

from tasks.diff.alignment import Alignment
from tasks.tables.storage import RunFolder

_STATS = ["target_layer", "unit", "images", "silent_share", "dead", "selective_class_idx"]

Tops = dict[str, dict[int, set[int]]]  # by layer and unit the ids of its strongest images


def top_overlaps(aligned: Alignment, layer: str, units: int, tops: list[Tops]) -> pd.DataFrame:
    """How many of the strongest images of each unit are the same, of those in both audits."""
    common = aligned.common
    to_b = dict(zip(aligned.a["image_id"][common], aligned.b["image_id"][common], strict=True))
    in_b = set(to_b.values())
    rows: list[dict[str, Any]] = []
    for unit in range(units):
        a = {to_b[i] for i in tops[0].get(layer, {}).get(unit, set()) if i in to_b}
        b = tops[1].get(layer, {}).get(unit, set()) & in_b
        share = len(a & b) / len(a | b) if a and b else float("nan")
        rows.append({"top_a": len(a), "top_b": len(b), "top_common": len(a & b), "jaccard": share})
    return pd.DataFrame(rows, columns=["top_a", "top_b", "top_common", "jaccard"])


def read_stats(run: RunFolder) -> dict[str, pd.DataFrame]:
    """Of each layer its units' rows of `unit_stats`, by number."""
    table = run.dataset("unit_stats").to_table(columns=_STATS).to_pandas()
    return {
        str(layer): part.sort_values("unit", ignore_index=True)
        for layer, part in table.groupby("target_layer", sort=False)
    }


def read_strongest(run: RunFolder) -> Tops:
    """By layer and unit the ids of the images that excite it most; a silent peak excites none."""
    chosen = (pc.field("class_idx") == -1) & (pc.field("activation") > 0)
    columns = ["target_layer", "unit", "image_id"]
    table = run.dataset("units").to_table(columns=columns, filter=chosen).to_pandas()
    found: Tops = {}
    for layer, part in table.groupby("target_layer"):
        found[str(layer)] = {int(u): set(p) for u, p in part.groupby("unit")["image_id"]}
    return found
