"""The classes nearest to each: in the features, and by confusions."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from reports.tables import AuditTables

NEAREST = 5

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]
Cosines = tuple[Ids, Floats]


@dataclass(frozen=True)
class SharedUnit:
    """A unit that tells both classes from all others, by its AUROC for each."""

    unit: int
    auroc: float
    other_auroc: float


@dataclass(frozen=True)
class NearClass:
    """cosine : of the mean features; NaN where a class has no correct image
    rank : among all classes, from 1; 0 where there is no cosine
    given : images of this class that were taken for the other
    taken : images of the other that were taken for this class
    shared : units; none where the pair is not among the most confused
    """

    class_idx: int
    name: str
    cosine: float
    rank: int
    given: int
    taken: int
    shared: list[SharedUnit]


def class_cosines(features: pd.DataFrame) -> Cosines:
    """The cosine of the mean features between all classes that have some.

    features : `class_features`, by class

    Returns: class indices, shape (C,), and cosines, shape (C, C).
    """
    if not len(features):
        return np.zeros(0, dtype=np.int64), np.zeros((0, 0))
    means = np.stack(features["pooled"].tolist()).astype(np.float64)
    length = np.linalg.norm(means, axis=1, keepdims=True)
    unit = means / np.where(length > 0, length, 1)
    return features["class_idx"].to_numpy(np.int64), unit @ unit.T


def nearest_classes(
    tables: AuditTables, shared: pd.DataFrame, cosines: Cosines
) -> dict[int, list[NearClass]]:
    """By class with labelled images: the five others of the largest cosine and the five that it is
    confused with most often, either way; ordered by confusions, then by cosine.

    shared : `shared_units` of the target layer
    cosines : of `class_cosines`
    """
    confusions = _confusions(tables.confusions)
    units = _shared_units(shared)
    found = {}
    labels = tables.images["label"].unique()
    for label in sorted(int(i) for i in labels if i >= 0):
        counts = confusions.get(label, {})
        often = sorted(counts, key=lambda other: (-sum(counts[other]), other))[:NEAREST]
        ranks, cosine = _ranked(label, often, *cosines)
        rows = [
            NearClass(
                class_idx=other,
                name=tables.class_name(other),
                cosine=cosine.get(other, float("nan")),
                rank=ranks.get(other, 0),
                given=counts.get(other, (0, 0))[0],
                taken=counts.get(other, (0, 0))[1],
                shared=units.get((label, other), []),
            )
            for other in sorted({*often, *ranks})
        ]
        found[label] = sorted(rows, key=_order)
    return found


def _order(row: NearClass) -> tuple[int, float, int]:
    return -row.given - row.taken, row.rank or math.inf, row.class_idx


def _ranked(
    label: int, often: list[int], present: Ids, cosines: Floats
) -> tuple[dict[int, int], dict[int, float]]:
    """Rank and cosine of the nearest classes and of those in `often`; of equals the lower class
    is nearer. Nothing for a class without correct images."""
    at = int(np.searchsorted(present, label))
    if at == len(present) or present[at] != label:
        return {}, {}
    order = np.argsort(-cosines[at], kind="stable")
    order = order[order != at]
    kept = np.flatnonzero(np.isin(present[order], often) | (np.arange(len(order)) < NEAREST))
    others = [int(present[order[rank]]) for rank in kept]
    ranks = {other: int(rank) + 1 for other, rank in zip(others, kept, strict=True)}
    return ranks, {other: float(cosines[at, order[ranks[other] - 1]]) for other in others}


def _confusions(confusions: pd.DataFrame) -> dict[int, dict[int, tuple[int, int]]]:
    """By class and other class: how often it was taken for the other, and the other for it."""
    found: dict[int, dict[int, tuple[int, int]]] = {}
    wrong = confusions[confusions["label"] != confusions["predicted"]]
    for row in wrong[wrong["images"] > 0].to_dict("records"):
        label, predicted, images = (int(row[key]) for key in ("label", "predicted", "images"))
        given, taken = found.setdefault(label, {}).get(predicted, (0, 0))
        found[label][predicted] = given + images, taken
        given, taken = found.setdefault(predicted, {}).get(label, (0, 0))
        found[predicted][label] = given, taken + images
    return found


def _shared_units(shared: pd.DataFrame) -> dict[tuple[int, int], list[SharedUnit]]:
    """By pair of classes, in both orders; those of a pair that is confused both ways are one."""
    found: dict[tuple[int, int], dict[int, SharedUnit]] = {}
    for row in shared.sort_values(["label", "predicted", "rank"]).to_dict("records"):
        label, predicted, unit = (int(row[key]) for key in ("label", "predicted", "unit"))
        mine, other = float(row["label_auroc"]), float(row["predicted_auroc"])
        for pair, aurocs in (
            ((label, predicted), (mine, other)),
            ((predicted, label), (other, mine)),
        ):
            found.setdefault(pair, {}).setdefault(unit, SharedUnit(unit, *aurocs))
    return {pair: list(units.values()) for pair, units in found.items()}
