"""Mistakes that are new, mended and persistent."""

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.diff.alignment import Alignment
from tasks.tables.diff_schemas import MISTAKE_CHANGES, MISTAKE_COUNTS

_STATES = np.array(["", "mended", "new", "persistent"], dtype=object)


def mistake_changes(aligned: Alignment) -> pa.Table:
    """A row per labelled image of both audits that either mistakes; images with another label in
    the other audit are left out. New ones come first, then persistent, then mended, each by the
    probability given to the wrong answer.

    Returns: a table of schema MISTAKE_CHANGES.
    """
    state = _states(aligned)
    shown = np.flatnonzero(state > 0)
    a, b = aligned.a.iloc[shown], aligned.b.iloc[shown]
    names = np.array([*aligned.classes.names, ""], dtype=object)
    columns = {
        "image_id_a": a["image_id"], "image_id_b": b["image_id"], "uri": b["uri"],
        "state": _STATES[state[shown]], "label": names[b["label"].to_numpy()],
        "predicted_a": names[a["predicted"].to_numpy()],
        "predicted_b": names[b["predicted"].to_numpy()],
        "probability_a": a["probability"], "probability_b": b["probability"],
        "label_probability_a": a["label_probability"],
        "label_probability_b": b["label_probability"],
        "verdict_a": a["verdict"], "verdict_b": b["verdict"],
    }  # fmt: skip
    frame = pd.DataFrame({name: np.asarray(column) for name, column in columns.items()})
    wrong = frame["probability_b"].where(frame["state"] != "mended", frame["probability_a"])
    place = frame["state"].map({"new": 0, "persistent": 1, "mended": 2})
    frame = frame.assign(place=place, wrong=-wrong)
    frame = frame.sort_values(["place", "wrong", "image_id_b"], kind="stable")
    return pa.Table.from_pandas(frame[MISTAKE_CHANGES.names], MISTAKE_CHANGES, preserve_index=False)


def mistake_counts(aligned: Alignment) -> pa.Table:
    """A row per class of the images in both audits, the most new mistakes first.

    Returns: a table of schema MISTAKE_COUNTS.
    """
    state, names = _states(aligned), aligned.classes.names
    label = aligned.b["label"].to_numpy(np.int64)
    inside = aligned.common & (label >= 0)
    same = (aligned.a["predicted"] == aligned.b["predicted"]).to_numpy()

    def count(chosen: np.ndarray) -> np.ndarray:
        return np.bincount(label[inside & chosen], minlength=len(names))

    columns = {"label": list(names), "images": count(inside)}
    columns |= {str(name): count(state == i) for i, name in enumerate(_STATES) if name}
    columns["persistent_same"] = count((state == 3) & same)
    frame = pd.DataFrame(columns)
    frame = frame[frame["images"] > 0].sort_values(["new", "label"], ascending=[False, True])
    return pa.Table.from_pandas(frame[MISTAKE_COUNTS.names], MISTAKE_COUNTS, preserve_index=False)


def _states(aligned: Alignment) -> np.ndarray:
    """Of each image the place in _STATES."""
    wrong_a, wrong_b = ((side["correct"] == 0).to_numpy() for side in (aligned.a, aligned.b))
    return np.where(aligned.common, wrong_a + 2 * wrong_b, 0)
