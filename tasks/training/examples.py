"""The images of a training: their classes, and which of them train and which measure."""

from collections import Counter
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.errors import AuditError
from tasks.index.classes import ClassList
from tasks.index.manifest import build_manifest
from tasks.training.config import TrainConfig
from tasks.training.division import (
    Flags,
    Hashes,
    Labels,
    divide,
    divides,
    held_out,
    path_hashes,
    splits_of,
    with_one_each,
)


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
            in_validation=with_one_each(self.labels[kept], self.in_validation[kept], hashes),
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
    listed, classes = build_manifest(
        config.images, None, config.classes, config.annotations, config.roots
    )
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
    all_splits = splits_of(listed)
    splits = [split for split, use in zip(all_splits, known, strict=True) if use]
    hashes = None
    if config.way == "dfr":
        used = held_out(splits)
        in_validation = np.ones_like(used)
    else:
        if not divides(set(all_splits)):
            hashes = path_hashes(manifest, config)
        used, in_validation = divide(manifest, splits, hashes, config.validation)
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
