"""Whether units answer to the same images in both audits."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.diff.alignment import Alignment
from tasks.tables.storage import RunFolder

MOST_IMAGES = 20_000
FEWEST_IMAGES = 10

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class UnitCorrelations:
    """images : over which they are
    own : of each unit with the unit of its number, float64, shape (K,); NaN where either never
        changes
    others : mean over all pairs of unlike numbers: what units of unrelated models reach
    """

    images: int
    own: Floats
    others: float

    @property
    def mean(self) -> float:
        known = self.own[np.isfinite(self.own)]
        return float(known.mean()) if known.size else float("nan")


def unit_correlations(aligned: Alignment, layer: str) -> UnitCorrelations | None:
    """Pearson's correlation of the spatial means of units over the images of both audits, of
    MOST_IMAGES of them drawn at random, seeded, where there are more.

    Returns: None where the layer's means are not stored in both, or for fewer than FEWEST_IMAGES.
    """
    rows = np.flatnonzero(aligned.common)
    if len(rows) < FEWEST_IMAGES:
        return None
    if len(rows) > MOST_IMAGES:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST_IMAGES, replace=False))
    sides = []
    for run, side in ((aligned.run_a.run, aligned.a), (aligned.run_b.run, aligned.b)):
        ids = side["image_id"].to_numpy(np.int64)[rows]
        found = _pooled(run, layer, ids)
        if found is None:
            return None
        sides.append(found)
    held = np.isfinite(sides[0]).all(axis=1) & np.isfinite(sides[1]).all(axis=1)
    if held.sum() < FEWEST_IMAGES or sides[0].shape != sides[1].shape:
        return None
    return _correlate(*(side[held].astype(np.float64) for side in sides))


def _correlate(first: Floats, second: Floats) -> UnitCorrelations:
    scores = []
    for values in (first, second):
        centred = values - values.mean(axis=0)
        size = np.sqrt((centred**2).sum(axis=0))
        scores.append(centred / np.where(size > 1e-12, size, np.nan))
    own = (scores[0] * scores[1]).sum(axis=0)
    known = [np.nan_to_num(score) for score in scores]
    # The sum over all pairs of units is the product of the sums of their scores.
    every = float((known[0].sum(axis=1) * known[1].sum(axis=1)).sum())
    live = [int(np.isfinite(score[0]).sum()) for score in scores]
    pairs = live[0] * live[1] - int(np.isfinite(own).sum())
    others = (every - float(np.nansum(own))) / pairs if pairs else float("nan")
    return UnitCorrelations(len(first), own, others)


def _pooled(run: RunFolder, layer: str, ids: Ints) -> npt.NDArray[np.float16] | None:
    """Means of the images `ids`, in their order, shape (N, K); NaN rows for those without."""
    order = np.argsort(ids)
    rising, pooled = ids[order], None
    for batch in run.dataset("features").to_batches(
        columns=["image_id", "target_layer", "pooled"], batch_size=4096
    ):
        if not batch.num_rows:
            continue
        if batch["target_layer"][0].as_py() != layer:
            return None
        flat = batch["pooled"].flatten().to_numpy(zero_copy_only=False)
        values = flat.reshape(batch.num_rows, -1)
        if pooled is None:
            pooled = np.full((len(ids), values.shape[1]), np.nan, dtype=np.float16)
        own = batch["image_id"].to_numpy()
        place = np.minimum(np.searchsorted(rising, own), len(ids) - 1)
        wanted = rising[place] == own
        pooled[order[place[wanted]]] = values[wanted]
    return pooled
