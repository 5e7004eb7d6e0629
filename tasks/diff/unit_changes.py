"""Units that died or changed their meaning."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.diff.alignment import Alignment
from tasks.diff.unit_features import UnitCorrelations, unit_correlations
from tasks.tables.diff_schemas import UNIT_CHANGES
from tasks.tables.storage import RunFolder

# Mean correlation of units with those of their number, above that with units of other numbers:
# independent initialisations have none, fine-tuned models most of 1.
RELATED = 0.25
# A unit has changed its meaning where it answers to other images and other images excite it most.
LEAST_CORRELATION = 0.5
LEAST_JACCARD = 0.1

_STATS = ["target_layer", "unit", "images", "silent_share", "dead", "selective_class_idx"]


@dataclass(frozen=True)
class LayerChange:
    """A layer that both audits have with as many units.

    images : over which units were correlated; 0 where their means are not stored
    mean_correlation : of each unit with that of its number; other_correlation : with all others;
        NaN where unknown
    related : units of one number are the same unit; None where unknown
    counts : units by state
    """

    target_layer: str
    units: int
    images: int
    mean_correlation: float
    other_correlation: float
    related: bool | None
    counts: dict[str, int]


def unit_changes(aligned: Alignment) -> tuple[pa.Table, list[LayerChange]]:
    """The units of every layer that both audits mined under one name with one number of units.

    Returns: a table of schema UNIT_CHANGES, by layer, those that died first, and the layers.
    """
    sides = [_stats(run) for run in (aligned.run_a.run, aligned.run_b.run)]
    tops = [_strongest(run) for run in (aligned.run_a.run, aligned.run_b.run)]
    parts, layers = [], []
    for layer, a in sides[0].items():
        b = sides[1].get(layer)
        if b is None or len(a) != len(b):
            continue
        found = unit_correlations(aligned, layer)
        rows = _rows(aligned, layer, (a, b), tops, found)
        parts.append(rows)
        layers.append(_layer(layer, rows, found))
    if not parts:
        return UNIT_CHANGES.empty_table(), []
    frame = pd.concat(parts, ignore_index=True)[UNIT_CHANGES.names]
    return pa.Table.from_pandas(frame, UNIT_CHANGES, preserve_index=False), layers


def _rows(
    aligned: Alignment,
    layer: str,
    stats: tuple[pd.DataFrame, pd.DataFrame],
    tops: list[dict[str, dict[int, set[int]]]],
    correlations: UnitCorrelations | None,
) -> pd.DataFrame:
    a, b = stats
    names = np.array([*aligned.classes.names, None], dtype=object)
    codes = (np.append(c, -1) for c in (aligned.classes.code_a, aligned.classes.code_b))
    classes = [
        names[c[s["selective_class_idx"].to_numpy(np.int64)]]
        for c, s in zip(codes, stats, strict=True)
    ]
    rows = pd.DataFrame(
        {
            "target_layer": layer, "unit": a["unit"].to_numpy(),
            "silent_share_a": a["silent_share"].to_numpy(),
            "silent_share_b": b["silent_share"].to_numpy(),
            "class_a": classes[0], "class_b": classes[1],
            "correlation": np.nan if correlations is None else correlations.own,
        }
    )  # fmt: skip
    rows = pd.concat([rows, _overlaps(aligned, layer, len(a), tops)], axis=1)
    dead = [side["dead"].fillna(False).to_numpy(bool) for side in stats]
    rows["state"] = _states(rows, dead, _related(correlations))
    place = {"died": 0, "revived": 1, "changed": 2, "kept": 3}
    by = rows["state"].map(place).fillna(4)
    return rows.assign(by=by).sort_values(["by", "correlation", "unit"], kind="stable")


def _states(
    rows: pd.DataFrame, dead: list[npt.NDArray[np.bool_]], related: bool | None
) -> npt.NDArray[np.object_]:
    moved = rows["correlation"] < LEAST_CORRELATION
    others = rows["jaccard"] < LEAST_JACCARD
    known = rows["correlation"].notna() & rows["jaccard"].notna()
    if related is None:
        alive = np.full(len(rows), "undetermined", dtype=object)
    elif not related:
        alive = np.full(len(rows), "not_comparable", dtype=object)
    else:
        alive = np.where(known, np.where(moved & others, "changed", "kept"), "undetermined")
    chosen = [dead[0] & dead[1], ~dead[0] & dead[1], dead[0] & ~dead[1]]
    return np.asarray(np.select(chosen, ["dead", "died", "revived"], alive), dtype=object)


def _related(found: UnitCorrelations | None) -> bool | None:
    if found is None or not np.isfinite(found.mean):
        return None
    return bool(found.mean - np.nan_to_num(found.others) >= RELATED)


def _layer(layer: str, rows: pd.DataFrame, found: UnitCorrelations | None) -> LayerChange:
    counts = {str(state): int(n) for state, n in rows["state"].value_counts().items()}
    if found is None:
        return LayerChange(layer, len(rows), 0, float("nan"), float("nan"), None, counts)
    return LayerChange(
        layer, len(rows), found.images, found.mean, found.others, _related(found), counts
    )


def _overlaps(
    aligned: Alignment, layer: str, units: int, tops: list[dict[str, dict[int, set[int]]]]
) -> pd.DataFrame:
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


def _stats(run: RunFolder) -> dict[str, pd.DataFrame]:
    table = run.dataset("unit_stats").to_table(columns=_STATS).to_pandas()
    return {
        str(layer): part.sort_values("unit", ignore_index=True)
        for layer, part in table.groupby("target_layer", sort=False)
    }


def _strongest(run: RunFolder) -> dict[str, dict[int, set[int]]]:
    """By layer and unit the ids of the images that excite it most; a silent peak excites none."""
    chosen = (pc.field("class_idx") == -1) & (pc.field("activation") > 0)
    columns = ["target_layer", "unit", "image_id"]
    table = run.dataset("units").to_table(columns=columns, filter=chosen).to_pandas()
    found: dict[str, dict[int, set[int]]] = {}
    for layer, part in table.groupby("target_layer"):
        found[str(layer)] = {int(u): set(p) for u, p in part.groupby("unit")["image_id"]}
    return found
