"""Units that died or changed their meaning."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from tasks.diff.alignment import Alignment
from tasks.diff.stored_units import Tops, read_stats, read_strongest, top_overlaps
from tasks.diff.unit_features import UnitCorrelations, unit_correlations
from tasks.tables.diff_schemas import UNIT_CHANGES

# Mean correlation of units with those of their number, above that with units of other numbers:
# independent initialisations have none, fine-tuned models most of 1.
RELATED = 0.25
# A unit has changed its meaning where it answers to other images and other images excite it most.
LEAST_CORRELATION = 0.5
LEAST_JACCARD = 0.1


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
    sides = [read_stats(run) for run in (aligned.run_a.run, aligned.run_b.run)]
    tops = [read_strongest(run) for run in (aligned.run_a.run, aligned.run_b.run)]
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
    tops: list[Tops],
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
    rows = pd.concat([rows, top_overlaps(aligned, layer, len(a), tops)], axis=1)
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
