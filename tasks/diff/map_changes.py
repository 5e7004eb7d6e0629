"""Images whose evidence moved."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.diff.alignment import Alignment
from tasks.diff.map_distance import (
    Grid,
    normalised,
    resampled,
    sliced_wasserstein,
    total_variation,
)
from tasks.tables.diff_schemas import MAP_CHANGES
from tasks.tables.storage import RunFolder

MAP_ROLES = ("label", "predicted")
_IMAGES_AT_ONCE = 50_000

Ints = npt.NDArray[np.int64]


def map_changes(aligned: Alignment) -> pa.Table:
    """A row per image of both audits and role, the farthest moved first: how far the evidence for
    the label, and that for whatever was predicted, lies from where it lay. One role is in memory
    at a time.

    Returns: a table of schema MAP_CHANGES; distances are null where a map has no positive value.
    """
    rows = np.flatnonzero(aligned.common & aligned.a["present"] & aligned.b["present"])
    parts = [_of_role(aligned, role, rows) for role in MAP_ROLES]
    frame = pd.concat(parts, ignore_index=True)
    frame = frame.sort_values(
        ["moved", "image_id_b", "role"], ascending=[False, True, True], na_position="last"
    )
    return pa.Table.from_pandas(frame[MAP_CHANGES.names], MAP_CHANGES, preserve_index=False)


def _of_role(aligned: Alignment, role: str, rows: Ints) -> pd.DataFrame:
    column = "label" if role == "label" else "predicted"
    known = rows[(aligned.b[column].to_numpy(np.int64)[rows] >= 0)]
    names = np.array([*aligned.classes.names, ""], dtype=object)
    moved, varied = _distances(aligned, role, known)
    return pd.DataFrame(
        {
            "image_id_a": aligned.a["image_id"].to_numpy()[known],
            "image_id_b": aligned.b["image_id"].to_numpy()[known],
            "uri": aligned.b["uri"].to_numpy()[known],
            "role": role,
            "class_a": names[aligned.a[column].to_numpy(np.int64)[known]],
            "class_b": names[aligned.b[column].to_numpy(np.int64)[known]],
            "moved": moved,
            "total_variation": varied,
        }
    )


def _distances(
    aligned: Alignment, role: str, rows: Ints
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    moved, varied = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    runs = ((aligned.run_a.run, aligned.a), (aligned.run_b.run, aligned.b))
    stored = [_read_maps(run, role) for run, _ in runs]
    if any(maps is None for _, maps, _ in stored):
        return moved, varied
    places = [
        _places(ids, side["image_id"].to_numpy(np.int64)[rows])
        for (ids, _, _), (_, side) in zip(stored, runs, strict=True)
    ]
    both = np.flatnonzero((places[0] >= 0) & (places[1] >= 0))
    grids = [grid for _, _, grid in stored]
    finest = (max(g[0] for g in grids), max(g[1] for g in grids))
    for start in range(0, len(both), _IMAGES_AT_ONCE):
        part = both[start : start + _IMAGES_AT_ONCE]
        first, second = (
            resampled(normalised(maps[place[part]]), grid, finest)
            for (_, maps, grid), place in zip(stored, places, strict=True)
            if maps is not None
        )
        moved[part] = sliced_wasserstein(first, second, finest)
        varied[part] = total_variation(first, second)
    return moved, varied


def _read_maps(run: RunFolder, role: str) -> tuple[Ints, npt.NDArray[np.float16] | None, Grid]:
    """image_ids, rising, and their maps of one role, shape (N, cells), up to a factor."""
    chosen = (
        (pc.field("role") == role)
        & (pc.field("state") == "ok")
        & (pc.field("method") == run.first_method())
    )
    columns = ["image_id", "heatmap", "rows", "cols"]
    table = run.dataset("heatmaps").to_table(columns=columns, filter=chosen).sort_by("image_id")
    if not table.num_rows:
        return np.zeros(0, dtype=np.int64), None, (0, 0)
    flat = table["heatmap"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    grid = (int(table["rows"][0].as_py()), int(table["cols"][0].as_py()))
    return table["image_id"].to_numpy(), flat.reshape(table.num_rows, -1), grid


def _places(ids: Ints, wanted: Ints) -> Ints:
    """Where each wanted id stands in `ids`, rising; -1 where it does not."""
    place = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[place] == wanted, place, -1)
