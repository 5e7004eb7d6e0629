"""What will be asked: checked before anything is learned and before the model is built."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.concepts.held_out import hold_out_half, near_equal_groups
from tasks.errors import AuditError
from tasks.questions.generation import generate_questions
from tasks.questions.question import Question
from tasks.questions.question_file import read_questions
from tasks.questions.subjects import MOST_VALUES, find_subjects
from tasks.statistics.sampling import stratified_sample
from tasks.tables.completion import audit_key
from tasks.tables.pooled_features import PooledFeatures, read_pooled_features
from tasks.tables.storage import RunFolder

LEAST_IMAGES = 10  # with questions, on each side of the split


@dataclass(frozen=True)
class QuestionOptions:
    """What a user may choose.

    questions : a CSV as `read_questions` takes it; None for questions made from the manifest
    c : inverse of the L2 penalty, above 0
    images : that are asked about, at most
    shown : answers that are shown of each kind, right and wrong each, at least 1
    sampled : held-out images with an object whose maps are held against it, at least 0
    seed : of the split, the questions, the samples and the bootstrap
    """

    questions: str | None = None
    c: float = 10.0
    images: int = 5_000
    shown: int = 3
    sampled: int = 100
    seed: int = 0


@dataclass(frozen=True)
class QuestionPlan:
    """manifest : one row for each of the N images, in the order of `features`
    held_out : bool, shape (N,)
    groups : int64, shape (N,), copies of an image have one number
    questions : M, about these images
    of : int64, shape (M,), the place of each question's image
    tested : bool, shape (M,), of held-out images
    not_asked : what the manifest has, but nothing is asked about, with the reason
    without_features : questions of a file that were left out, their images having no features
    audited : images of the audit that have features, of which the N were taken
    """

    run: RunFolder
    facts: dict[str, Any]
    audit_key: str
    options: QuestionOptions
    features: PooledFeatures
    manifest: pd.DataFrame
    held_out: npt.NDArray[np.bool_]
    groups: npt.NDArray[np.int64]
    questions: list[Question]
    of: npt.NDArray[np.int64]
    tested: npt.NDArray[np.bool_]
    not_asked: dict[str, str]
    without_features: int
    audited: int


def plan_questions(run: RunFolder, options: QuestionOptions) -> QuestionPlan:
    """Find the images of a finished audit, split them, and make or read the questions. Writes
    nothing.

    Raises: AuditError for a folder that holds no finished audit, for a manifest or a file from
    which nothing can be asked, and for options out of range.
    """
    _check(options)
    key, facts = audit_key(run), run.audit()
    stored = read_pooled_features(run)
    columns = ["image_id", "uri", "label", "mask_uri", "boxes", "tags"]
    whole = run.dataset("manifest").to_table(columns=columns).to_pandas()
    given = None if options.questions is None else read_questions(Path(options.questions), whole)
    asked = None if given is None else [question.image_id for question in given]
    features = _chosen(stored, asked, options)
    manifest = whole.set_index("image_id").loc[features.image_id].reset_index()
    groups = near_equal_groups(features.pooled, np.ones(len(manifest), dtype=bool))
    held_out = hold_out_half(groups, np.ones(len(manifest), dtype=bool), options.seed)
    if given is None:
        subjects, not_asked = find_subjects(manifest, facts["classes"])
        if not subjects:
            raise AuditError(_nothing_to_ask(not_asked))
        questions = generate_questions(subjects, features.image_id, held_out, options.seed)
    else:
        chosen, not_asked = set(features.image_id.tolist()), {}
        questions = [question for question in given if question.image_id in chosen]
    without = 0 if asked is None else int((~np.isin(asked, stored.image_id)).sum())
    of = np.searchsorted(features.image_id, [question.image_id for question in questions])
    plan = QuestionPlan(
        run, facts, key, options, features, manifest, held_out, groups,
        questions, of, held_out[of], not_asked, without, len(stored.image_id),
    )  # fmt: skip
    _refuse_few(plan)
    return plan


def _chosen(
    features: PooledFeatures, asked: list[int] | None, options: QuestionOptions
) -> PooledFeatures:
    if asked is not None:
        features = features.of(np.isin(features.image_id, asked))
        if not len(features.image_id):
            raise AuditError(
                f"none of the images that {options.questions} asks about has features: the audit "
                "could not read them; its table 'failures' says why"
            )
    labels = features.label.astype(np.int64)
    drawn = stratified_sample(features.image_id, labels, options.images, options.seed)
    return features.of(np.isin(features.image_id, drawn))


def _check(options: QuestionOptions) -> None:
    if not (np.isfinite(options.c) and options.c > 0):
        raise AuditError(f"c: expected a number above 0, got {options.c}")
    for name, least in (("images", 2 * LEAST_IMAGES), ("shown", 1), ("sampled", 0), ("seed", 0)):
        if getattr(options, name) < least:
            raise AuditError(f"{name}: expected {least} or more, got {getattr(options, name)}")


def _nothing_to_ask(not_asked: dict[str, str]) -> str:
    reasons = "; ".join(f"{name!r} has {reason}" for name, reason in not_asked.items())
    return (
        f"the manifest leaves nothing to ask: {reasons}. Expected labels of two classes or more, "
        f"or a tag with 2 to {MOST_VALUES} values. Add one, or give --questions FILE"
    )


def _refuse_few(plan: QuestionPlan) -> None:
    for side, name in ((False, "to learn from"), (True, "to test on")):
        count = len(np.unique(plan.of[plan.tested == side]))
        if count < LEAST_IMAGES:
            raise AuditError(
                f"{count} images with a question {name}; expected {LEAST_IMAGES} or more: half of "
                "the images are held out, and copies of an image stay together. Ask about more"
            )
    answers = {
        q.answer for q, tested in zip(plan.questions, plan.tested, strict=True) if not tested
    }
    if len(answers) < 2:
        raise AuditError(
            f"every question to learn from has the answer {min(answers)!r}; expected two different "
            "answers or more"
        )
