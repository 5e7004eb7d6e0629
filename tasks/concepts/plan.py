"""What will be learned: checked before anything is trained and before the model is built."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.concepts.held_out import hold_out_half, near_equal_groups
from tasks.concepts.image_choice import choose_images
from tasks.errors import AuditError
from tasks.tables.completion import audit_key
from tasks.tables.pooled_features import PooledFeatures, read_pooled_features
from tasks.tables.storage import RunFolder

LEAST_IMAGES = 10  # positives, and negatives, on each side of the split


@dataclass(frozen=True)
class ConceptOptions:
    """What a user may choose.

    positives, negatives : as in `choose_images`; negatives None for all that are not positives
    c : of the SVM, above 0
    rounds : of mining hard negatives, at least 1
    shown : pictures in each group, at least 1
    sampled : held-out positives whose maps are held against the object, at least 0
    seed : of the split, of the first negatives and of the bootstrap
    """

    positives: str
    negatives: str | None = None
    c: float = 0.1
    rounds: int = 20
    shown: int = 16
    sampled: int = 100
    seed: int = 0


@dataclass(frozen=True)
class ConceptPlan:
    """manifest : one row for each of the N images, in the order of `features`
    positive, held_out : bool, shape (N,)
    groups : int64, shape (N,), copies of an image have one number
    left_out : images of the choices that have no features
    """

    run: RunFolder
    facts: dict[str, Any]
    audit_key: str
    options: ConceptOptions
    features: PooledFeatures
    manifest: pd.DataFrame
    positive: npt.NDArray[np.bool_]
    held_out: npt.NDArray[np.bool_]
    groups: npt.NDArray[np.int64]
    left_out: int


def plan_concept(run: RunFolder, options: ConceptOptions) -> ConceptPlan:
    """Find the images in a finished audit and split them. Writes nothing.

    Raises: AuditError for a folder that holds no finished audit, for choices that name nothing or
    too little, and for options out of range.
    """
    _check(options)
    key, facts = audit_key(run), run.audit()
    features = read_pooled_features(run)
    columns = ["image_id", "uri", "label", "mask_uri", "boxes", "split", "tags"]
    manifest = run.dataset("manifest").to_table(columns=columns).to_pandas()
    chosen = choose_images(options.positives, manifest, facts["classes"])
    if options.negatives is None:
        others = np.setdiff1d(features.image_id, chosen)
    else:
        others = choose_images(options.negatives, manifest, facts["classes"])
        _refuse_both(np.intersect1d(chosen, others), manifest)
    used = np.isin(features.image_id, np.concatenate([chosen, others]))
    features = features.of(used)
    positive = np.isin(features.image_id, chosen)
    _refuse_few(positive, "in all", 2 * LEAST_IMAGES)
    groups = near_equal_groups(features.pooled, positive)
    held_out = hold_out_half(groups, positive, options.seed)
    for side, name in ((~held_out, "to learn from"), (held_out, "to test on")):
        _refuse_few(positive[side], name, LEAST_IMAGES)
    return ConceptPlan(
        run, facts, key, options, features,
        manifest.set_index("image_id").loc[features.image_id].reset_index(),
        positive, held_out, groups, len(chosen) + len(others) - len(positive),
    )  # fmt: skip


def _check(options: ConceptOptions) -> None:
    if not (np.isfinite(options.c) and options.c > 0):
        raise AuditError(f"c: expected a number above 0, got {options.c}")
    for name, least in (("rounds", 1), ("shown", 1), ("sampled", 0), ("seed", 0)):
        if getattr(options, name) < least:
            raise AuditError(f"{name}: expected {least} or more, got {getattr(options, name)}")


def _refuse_both(both: npt.NDArray[np.int64], manifest: pd.DataFrame) -> None:
    if both.size:
        uri = manifest.set_index("image_id").loc[both[0], "uri"]
        raise AuditError(
            f"{both.size} images are among the positives and the negatives; the first is {uri}. "
            "Name each on one side only"
        )


def _refuse_few(positive: npt.NDArray[np.bool_], where: str, least: int) -> None:
    for name, count in (("positives", int(positive.sum())), ("negatives", int((~positive).sum()))):
        if count < least:
            raise AuditError(
                f"{count} {name} {where}; expected {least} or more: half of the images are held "
                f"out, and copies of an image stay together. Name more {name}"
            )
