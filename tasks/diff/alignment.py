"""Two audits laid side by side: one row per image that either has."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.diff.class_pairing import ClassPairing, pair_classes
from tasks.diff.image_pairing import images_root, pair_images
from tasks.diff.run_images import RunImages

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Alignment:
    """a, b : the columns of `RunImages.images`, one row per image of the union, NaN (present:
        False; label, predicted: -1) where an audit does not have it; label and predicted are
        places in `classes.names`
    tags_a, tags_b : of the same rows, None where there is none
    pairs : columns row_a, row_b, paired_by, changed of `pair_images`
    common : in both audits, with one label or with none in both
    relabelled : in both, with another label
    """

    run_a: RunImages
    run_b: RunImages
    classes: ClassPairing
    pairs: pd.DataFrame
    a: pd.DataFrame
    b: pd.DataFrame
    tags_a: pd.DataFrame
    tags_b: pd.DataFrame
    common: Bools
    relabelled: Bools

    @property
    def same_images(self) -> bool:
        """No image is in one audit alone, and none has another label."""
        return bool(self.common.all())


def align(run_a: RunImages, run_b: RunImages) -> Alignment:
    """Pair classes, then images.

    Raises: AuditError where the audits have no class in common.
    """
    classes = pair_classes(run_a.classes, run_b.classes)
    roots = [
        images_root(run.images["uri"], str((run.audit.get("config") or {}).get("images", "")))
        for run in (run_a, run_b)
    ]
    pairs = pair_images(run_a.images, run_b.images, *roots)
    a = _side(run_a.images, pairs["row_a"].to_numpy(), classes.code_a)
    b = _side(run_b.images, pairs["row_b"].to_numpy(), classes.code_b)
    both = (a["present"] & b["present"]).to_numpy()
    same = (a["label"] == b["label"]).to_numpy()
    tags_a, tags_b = _taken(run_a.tags, pairs["row_a"]), _taken(run_b.tags, pairs["row_b"])
    return Alignment(
        run_a, run_b, classes, pairs, a, b, tags_a, tags_b, both & same, both & ~same
    )  # fmt: skip


def _side(
    images: pd.DataFrame, rows: npt.NDArray[np.int64], code: npt.NDArray[np.int64]
) -> pd.DataFrame:
    side = _taken(images, rows)
    side["present"] = rows >= 0
    for name in ("label", "predicted"):
        index = side[name].fillna(-1).to_numpy(np.int64)
        side[name] = np.append(code, -1)[index]
    side["image_id"] = side["image_id"].fillna(-1).astype(np.int64)
    return side


def _taken(frame: pd.DataFrame, rows: npt.ArrayLike) -> pd.DataFrame:
    """Rows by position; -1 is a row without anything."""
    places = np.asarray(rows, dtype=np.int64)
    return frame.reindex(np.where(places < 0, len(frame), places)).reset_index(drop=True)
