"""The images of a training: their classes, and which of them train and which measure."""

import os
from collections import Counter
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.errors import AuditError
from tasks.index.classes import ClassList
from tasks.index.manifest import build_manifest
from tasks.statistics.seeded_hash import hash_ids
from tasks.training.config import TrainConfig

Labels = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]

_TRAIN = ("train", "training")
_VALIDATION = ("val", "valid", "validation")


@dataclass(frozen=True)
class Examples:
    """N labelled images.

    manifest : schema MANIFEST, N rows
    classes : names from class index 0 on, and the index of each folder or label
    in_validation : shape (N,); the others train
    left_out : images that are neither, by the reason
    hashes : uint64, shape (N,): the lowest of each class measure; None where the dataset divides
    """

    manifest: pa.Table
    classes: ClassList
    in_validation: Flags
    left_out: dict[str, int] = field(default_factory=dict)
    hashes: Hashes | None = None

    def __len__(self) -> int:
        return len(self.in_validation)

    @property
    def labels(self) -> Labels:
        """Shape (N,), class indices."""
        return self.manifest["label"].to_numpy().astype(np.int64)

    @property
    def uris(self) -> list[str]:
        """One for each image."""
        return self.manifest["uri"].to_pylist()

    def of(self, *, validation: bool) -> npt.NDArray[np.int64]:
        """Row numbers of the images that measure, or of those that train."""
        return np.flatnonzero(self.in_validation == validation)

    def keep(self, kept: Flags, reason: str) -> "Examples":
        """The images where `kept`, shape (N,), holds; the others are counted under the reason.

        Where a share was drawn and a class has lost all that measure, the next one does.

        Raises: AuditError where a class is left without an image that trains or that measures.
        """
        lost = int((~kept).sum())
        if not lost:
            return self
        hashes = None if self.hashes is None else self.hashes[kept]
        left = replace(
            self,
            manifest=self.manifest.filter(pa.array(kept)),
            in_validation=_with_one_each(self.labels[kept], self.in_validation[kept], hashes),
            hashes=hashes,
            left_out={**self.left_out, reason: self.left_out.get(reason, 0) + lost},
        )
        check_classes(left)
        return left

    def with_labels(self, labels: Labels) -> "Examples":
        """The same images under other labels, shape (N,), class indices."""
        place = self.manifest.schema.get_field_index("label")
        column = pa.array(labels, self.manifest.schema.types[place])
        return replace(self, manifest=self.manifest.set_column(place, "label", column))

    def digest(self) -> str:
        """Fingerprint of which files train and which measure, and of their labels."""
        columns = [self.manifest[name].to_pylist() for name in ("uri", "label", "content_key")]
        digest = blake2b(digest_size=16)
        for row in zip(*columns, self.in_validation.tolist(), strict=True):
            digest.update(repr(row).encode(errors="surrogateescape"))
        return digest.hexdigest()


def list_examples(config: TrainConfig) -> Examples:
    """List the images, find their classes and divide them.

    Where the manifest's column `split` has train and val (or training, valid, validation), it
    divides; where it has train alone, all else is left out and a share of it measures; else a share
    of all. Way dfr learns from those of val alone, or from all where nothing is split.

    A share is drawn in each class by the hash of the image's path below the dataset, so that an
    image stays where it is when others come and go.

    Raises: AuditError for what cannot be trained on: no labels, fewer than two classes, a class
    with fewer than two images, a class without images in one of the splits.
    """
    listed, classes = build_manifest(config.images, None, config.classes, config.annotations)
    labels = listed["label"].to_numpy()
    known = (labels >= 0) & (labels < len(classes.names))
    unlabelled, unknown = int((labels < 0).sum()), int((labels >= len(classes.names)).sum())
    if not known.any():
        raise AuditError(
            f"none of the {len(labels)} images in {config.images} has a label; expected a folder "
            "per class, or a manifest with the column 'label'"
        )
    left_out = {"without a label": unlabelled, "of a class that --classes lacks": unknown}
    manifest = listed.filter(pa.array(known))
    if len(classes.names) < 2:
        raise AuditError(
            f"the images in {config.images} are all of one class ({classes.names[0]!r}); a "
            "classifier needs two or more. Expected a folder per class, or a manifest with the "
            "column 'label'"
        )
    all_splits = _splits(listed)
    splits = [split for split, use in zip(all_splits, known, strict=True) if use]
    hashes = None
    if config.way == "dfr":
        used = _held_out(splits)
        in_validation = np.ones_like(used)
    else:
        if not _divides(set(all_splits)):
            hashes = _hashes(manifest, config)
        used, in_validation = _divide(manifest, splits, hashes, config.validation)
    if not used.all():
        others = Counter(split for split, use in zip(splits, used, strict=True) if not use)
        left_out |= {f"of split {split!r}": count for split, count in sorted(others.items())}
    found = Examples(
        manifest.filter(pa.array(used)),
        classes,
        in_validation[used],
        {reason: count for reason, count in left_out.items() if count},
        None if hashes is None else hashes[used],
    )
    check_classes(found)
    return found


def check_classes(examples: Examples) -> None:
    """Raises: AuditError where a class has no image that trains or none that measures."""
    names, count = examples.classes.names, len(examples.classes.names)
    in_validation, labels = examples.in_validation, examples.labels
    trains = np.bincount(labels[~in_validation], minlength=count)
    measures = np.bincount(labels[in_validation], minlength=count)
    if in_validation.all():  # way dfr: none trains
        trains = measures
    poor = [
        f"{names[i]!r}: {trains[i]} for training, {measures[i]} for validation"
        for i in np.flatnonzero((trains == 0) | (measures == 0))
    ]
    if poor:
        listed = "\n  ".join(poor[:5] + ([f"... and {len(poor) - 5} more"] if poor[5:] else []))
        reasons = ", ".join(f"{n} {reason}" for reason, n in examples.left_out.items())
        raise AuditError(
            f"{len(poor)} of {count} classes cannot be learned and measured:\n  {listed}\n"
            "Expected two images or more of each class, and one or more in each split."
            + (f" Left out: {reasons}." if reasons else "")
            + " Add images, or take these classes out"
        )


def _splits(manifest: pa.Table) -> list[str]:
    return [str(split).strip().lower() for split in manifest["split"].to_pylist()]


def _divides(splits: set[str]) -> bool:
    return bool(splits.intersection(_TRAIN) and splits.intersection(_VALIDATION))


def _hashes(manifest: pa.Table, config: TrainConfig) -> Hashes:
    names = _names_below(manifest["uri"].to_pylist(), config.images)
    return hash_ids(_identities(names), config.seed)


def _held_out(splits: list[str]) -> Flags:
    """Those of split val; without any all that do not train."""
    in_validation = np.array([split in _VALIDATION for split in splits])
    in_train = np.array([split in _TRAIN for split in splits])
    return in_validation if in_validation.any() else ~in_train


def _divide(
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


def _with_one_each(labels: Labels, in_validation: Flags, hashes: Hashes | None) -> Flags:
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
