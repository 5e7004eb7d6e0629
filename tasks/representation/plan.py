"""Which images are answered again: checked before the model is built."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.errors import AuditError
from tasks.statistics.sampling import stratified_sample
from tasks.tables.completion import audit_key
from tasks.tables.pooled_features import PooledFeatures, read_pooled_features
from tasks.tables.storage import RunFolder


@dataclass(frozen=True)
class RepresentationOptions:
    """What a user may choose.

    images : at most so many, each label its share
    folds : of the cross-validation, at least 2
    c : of the SVM and of the logistic regression, above 0
    crops : whether images are cropped and run again
    seed : of the sample, of the folds and of the bootstrap
    """

    images: int = 2000
    folds: int = 5
    c: float = 0.01
    crops: bool = True
    seed: int = 0


@dataclass(frozen=True)
class RepresentationPlan:
    """features : of the images that are answered, all with a label
    labelled : images with a label that these were drawn from
    rare : images of them left out because too few of their class are among them
    """

    run: RunFolder
    facts: dict[str, Any]
    audit_key: str
    options: RepresentationOptions
    features: PooledFeatures
    labelled: int
    rare: int


def plan_representation(run: RunFolder, options: RepresentationOptions) -> RepresentationPlan:
    """Draw labelled images from a finished audit. Writes nothing.

    Raises: AuditError for a folder that holds no finished audit, for options out of range, and
    where fewer than two classes have an image for each fold.
    """
    _check(options)
    key, facts = audit_key(run), run.audit()
    everything = read_pooled_features(run)
    labelled = everything.of(everything.label >= 0)
    if not len(labelled.label):
        raise AuditError(
            f"no image of {run.root} has a label; expected labels to learn from. Run the audit "
            "with labels: a folder per class, or a manifest with a column 'label'"
        )
    strata = labelled.label.astype(np.int64)
    drawn = stratified_sample(labelled.image_id, strata, options.images, options.seed)
    sample = labelled.of(np.isin(labelled.image_id, drawn))
    enough = in_every_fold(sample.label, options.folds)
    classes = len(np.unique(sample.label[enough]))
    if classes < 2:
        raise AuditError(
            f"{classes} classes have {options.folds} images or more among the {len(drawn)} drawn; "
            "expected two or more, with an image of each in every fold. Give more --images or "
            "fewer --folds"
        )
    rare = int((~enough).sum())
    return RepresentationPlan(
        run, facts, key, options, sample.of(enough), len(labelled.label), rare
    )


def in_every_fold(labels: npt.NDArray[np.int32], folds: int) -> npt.NDArray[np.bool_]:
    """Whether each image's class has at least `folds` images; bool, shape (N,)."""
    _, members, counts = np.unique(labels, return_inverse=True, return_counts=True)
    enough: npt.NDArray[np.bool_] = counts[members.reshape(-1)] >= folds
    return enough


def _check(options: RepresentationOptions) -> None:
    if not (np.isfinite(options.c) and options.c > 0):
        raise AuditError(f"c: expected a number above 0, got {options.c}")
    for name, least in (("images", 1), ("folds", 2), ("seed", 0)):
        if getattr(options, name) < least:
            raise AuditError(f"{name}: expected {least} or more, got {getattr(options, name)}")
