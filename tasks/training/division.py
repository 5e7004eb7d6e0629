"""Which images of a training train, and which measure: by the dataset's splits, or by a hash."""

import os
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.statistics.seeded_hash import hash_ids
from tasks.training.config import TrainConfig

Labels = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]

_TRAIN = ("train", "training")
_VALIDATION = ("val", "valid", "validation")


def splits_of(manifest: pa.Table) -> list[str]:
    """The column `split`, in lower case."""
    return [str(split).strip().lower() for split in manifest["split"].to_pylist()]


def divides(splits: set[str]) -> bool:
    """Whether the dataset itself says what trains and what measures."""
    return bool(splits.intersection(_TRAIN) and splits.intersection(_VALIDATION))


def path_hashes(manifest: pa.Table, config: TrainConfig) -> Hashes:
    """Of each image's path below the dataset, and of the seed."""
    names = _names_below(manifest["uri"].to_pylist(), config.images)
    return hash_ids(_identities(names), config.seed)


def held_out(splits: list[str]) -> Flags:
    """Those of split val; without any all that do not train."""
    in_validation = np.array([split in _VALIDATION for split in splits])
    in_train = np.array([split in _TRAIN for split in splits])
    return in_validation if in_validation.any() else ~in_train


def divide(
    manifest: pa.Table, splits: list[str], hashes: Hashes | None, validation: float
) -> tuple[Flags, Flags]:
    """Which images are used, and which of them measure; both of shape (N,).

    hashes : None where the splits divide
    validation : the share of each class that measures
    """
    in_train = np.array([split in _TRAIN for split in splits])
    if hashes is None:
        in_validation = np.array([split in _VALIDATION for split in splits])
        return in_train | in_validation, in_validation
    pool = in_train if in_train.any() else np.ones(len(splits), dtype=bool)
    labels = manifest["label"].to_numpy()
    drawn = np.zeros(len(splits), dtype=bool)
    for label in np.unique(labels[pool]):
        rows = np.flatnonzero(pool & (labels == label))
        share = min(max(1, round(validation * len(rows))), len(rows) - 1)
        drawn[rows[np.argsort(hashes[rows], kind="stable")[:share]]] = True
    return pool, drawn


def with_one_each(labels: Labels, in_validation: Flags, hashes: Hashes | None) -> Flags:
    """With the next image of each class that has none that measures, and two or more that train."""
    moved = in_validation.copy()
    for label in np.unique(labels) if hashes is not None else ():
        rows = np.flatnonzero(labels == label)
        if hashes is not None and len(rows) > 1 and not in_validation[rows].any():
            moved[rows[np.argmin(hashes[rows])]] = True
    return moved


def _identities(names: list[str]) -> npt.NDArray[np.int64]:
    digests = [blake2b(name.encode(errors="surrogateescape"), digest_size=8) for name in names]
    return np.array([int.from_bytes(d.digest(), "little", signed=True) for d in digests], np.int64)


def _names_below(uris: list[str], images: str) -> list[str]:
    """Paths below the dataset's folder: moved as a whole, it is divided as before."""
    root = images if os.path.isdir(images) else os.path.dirname(images)
    return [uri.removeprefix(root).lstrip("/") for uri in uris]
