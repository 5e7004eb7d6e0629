"""What an image has in common with others: its strongest units and its nearest neighbours."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from reports.tables import AuditTables
from tasks.tables.by_image import is_among
from tasks.tables.image_schema import FACTS_PER_IMAGE

UNITS_SHOWN = NEIGHBOURS_SHOWN = FACTS_PER_IMAGE
_PROJECTED = 64
_IMAGES_AT_ONCE = 512
_COSINES_AT_ONCE = 4_000_000

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class FeatureFacts:
    """Of N images, by image_id; -1 where there are fewer.

    units : int32, shape (N, UNITS_SHOWN): of the target layer, the strongest first
    strengths : float32, the same shape: pooled feature in standard deviations above its mean over
        all images
    neighbours : int32, shape (N, NEIGHBOURS_SHOWN): rows of images with the same predicted class
    similarities : float32, the same shape: cosine of their evidence, in [-1, 1]
    """

    units: Integers
    strengths: Floats
    neighbours: Integers
    similarities: Floats


def collect_features(tables: AuditTables) -> FeatureFacts:
    """Read the features of all images once, a few hundred in memory at a time.

    Evidence is projected at random to 64 numbers, which keeps cosines to about 0.1 (Johnson and
    Lindenstrauss 1984).
    """
    ids = tables.images["image_id"].to_numpy(np.int64)
    mean, deviation = _usual(tables)
    units = np.full((len(ids), UNITS_SHOWN), -1, np.int32)
    strengths = np.full((len(ids), UNITS_SHOWN), np.nan, np.float32)
    projected = np.zeros((len(ids), _PROJECTED), np.float32)
    directions: Floats | None = None
    for image_id, pooled, evidence in _read(tables, ids):
        place = np.searchsorted(ids, image_id)
        if directions is None:
            random = np.random.default_rng(0)
            directions = random.normal(size=(evidence.shape[1], _PROJECTED)).astype(np.float32)
        projected[place] = _unit_length(evidence) @ directions
        if len(mean) == pooled.shape[1]:
            units[place], strengths[place] = strongest(pooled, mean, deviation)
    near, similar = nearest(projected, tables.images["predicted"].to_numpy())
    return FeatureFacts(units, strengths, near, similar)


def strongest(pooled: Floats, mean: Floats, deviation: Floats) -> tuple[Integers, Floats]:
    """The units furthest above their mean over all images, in standard deviations.

    pooled : float32, shape (n, K); what is not finite counts as usual
    mean, deviation : float32, shape (K,); a deviation of 0 is of a unit that never varies

    Returns: units, -1 where fewer than UNITS_SHOWN are above their mean; how far each is
    """
    usable = np.isfinite(pooled) & (deviation > 0)
    away = np.divide(
        np.where(usable, pooled, mean) - mean, deviation, out=np.zeros_like(pooled), where=usable
    )
    order = np.argsort(-away, axis=1, kind="stable")[:, :UNITS_SHOWN]
    found = np.take_along_axis(away, order, axis=1)
    short = UNITS_SHOWN - order.shape[1]
    order = np.pad(order, ((0, 0), (0, short)), constant_values=-1)
    found = np.pad(found, ((0, 0), (0, short)))
    above = found > 0
    return np.where(above, order, -1).astype(np.int32), np.where(above, found, np.nan)


def nearest(vectors: Floats, groups: npt.NDArray[np.int64]) -> tuple[Integers, Floats]:
    """The nearest others of the same group by the cosine of their vectors.

    vectors : float32, shape (N, D); one of length 0 has no neighbour and is none
    groups : int, shape (N,)

    Returns: places, -1 where a group has fewer; cosines
    """
    near = np.full((len(vectors), NEIGHBOURS_SHOWN), -1, np.int32)
    similar = np.full((len(vectors), NEIGHBOURS_SHOWN), np.nan, np.float32)
    length = np.linalg.norm(vectors, axis=1)
    unit = vectors / np.where(length > 0, length, 1)[:, None]
    order = np.argsort(groups, kind="stable")
    order = order[length[order] > 0]
    for own in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        wanted = min(NEIGHBOURS_SHOWN, len(own) - 1)
        if wanted > 0:
            found, cosines = _nearest_in_group(unit[own], wanted)
            near[own, :wanted], similar[own, :wanted] = own[found], cosines
    return near, similar


def _nearest_in_group(unit: Floats, wanted: int) -> tuple[Integers, Floats]:
    """Of each vector of length 1 the `wanted` others of the largest cosine, the nearest first."""
    found = np.empty((len(unit), wanted), np.int32)
    cosines = np.empty((len(unit), wanted), np.float32)
    at_once = max(1, _COSINES_AT_ONCE // len(unit))
    for start in range(0, len(unit), at_once):
        cosine = unit[start : start + at_once] @ unit.T
        rows = np.arange(len(cosine))
        cosine[rows, start + rows] = -np.inf  # none is its own neighbour
        top = np.argpartition(-cosine, wanted - 1, axis=1)[:, :wanted]
        values = np.take_along_axis(cosine, top, axis=1)
        ranks = np.argsort(-values, axis=1, kind="stable")
        found[start + rows] = np.take_along_axis(top, ranks, axis=1)
        cosines[start + rows] = np.take_along_axis(values, ranks, axis=1)
    return found, cosines


def _usual(tables: AuditTables) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each unit's pooled feature; empty where unknown."""
    layer = (tables.audit.get("model") or {}).get("target_layer")
    if tables.units is None or not layer:
        return np.empty(0, np.float32), np.empty(0, np.float32)
    stats = tables.units.of_layer(tables.units.stats, layer).sort_values("unit")
    mean, variance = (stats[name].to_numpy(np.float32) for name in ("mean", "variance"))
    return np.nan_to_num(mean), np.sqrt(np.nan_to_num(variance))


def _read(tables: AuditTables, ids: Ids) -> Iterator[tuple[Ids, Floats, Floats]]:
    """Those of `ids` with pooled features and evidence; none where the audit has no features."""
    if not tables.run.is_written("features"):
        return
    columns = ["image_id", "pooled", "evidence"]
    for batch in tables.run.dataset("features").to_batches(
        columns=columns, batch_size=_IMAGES_AT_ONCE
    ):
        known = is_among(batch["image_id"].to_numpy(), ids)
        if known.any():
            batch = batch.filter(pa.array(known))
            yield batch["image_id"].to_numpy(), _matrix(batch["pooled"]), _matrix(batch["evidence"])


def _matrix(lists: pa.FixedSizeListArray) -> Floats:
    values = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    return values.reshape(len(lists), -1)


def _unit_length(vectors: Floats) -> Floats:
    vectors = np.nan_to_num(vectors, posinf=0, neginf=0)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
