"""Every classifier's answers to every view, and what they are worth."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.representation.classifiers import LINEAR, draw_folds, out_of_fold_answers
from tasks.representation.plan import RepresentationOptions
from tasks.representation.representation import Accuracy, Comparison
from tasks.representation.views import FULL, MAP_BOX, TRUE_BOX
from tasks.statistics.intervals import wilson_interval
from tasks.statistics.mcnemar import compare_paired

Labels = npt.NDArray[np.int32]
Key = tuple[str, str]  # view, classifier

HEAD, HEAD_KNOWN = "head", "head_known"
CLASSIFIERS = (HEAD, HEAD_KNOWN, *LINEAR)


@dataclass(frozen=True)
class Answers:
    """N images with their labels, the fold that each was held out in, and a class from each
    classifier for each view; int32, shape (N,)."""

    image_id: npt.NDArray[np.int64]
    label: Labels
    fold: Labels
    predicted: dict[Key, Labels]

    def correct(self, key: Key) -> npt.NDArray[np.bool_]:
        return self.predicted[key] == self.label


def answer(
    image_id: npt.NDArray[np.int64],
    label: Labels,
    pooled: dict[str, npt.NDArray[np.float16]],
    heads: dict[Key, Labels],
    options: RepresentationOptions,
) -> Answers:
    """Train on each view what the linear classifiers need, in the same folds for all views.

    pooled : by view, float16, shape (N, K)
    heads : the model's own answers
    """
    fold = draw_folds(label, options.folds, options.seed)
    predicted = dict(heads)
    for view, features in pooled.items():
        for kind in LINEAR:
            predicted[view, kind] = out_of_fold_answers(
                features, label, fold, kind, c=options.c, seed=options.seed
            )
    return Answers(image_id, label, fold, predicted)


def head_answers(logits: dict[str, npt.NDArray[np.float32]], label: Labels) -> dict[Key, Labels]:
    """The model's own answers: among all of its classes and, where these are fewer, among those of
    the labels alone.

    logits : by view, float32, shape (N, classes); of equal ones the lower class is taken
    """
    known = np.unique(label)
    answers: dict[Key, Labels] = {}
    for view, values in logits.items():
        answers[view, HEAD] = values.argmax(axis=1).astype(np.int32)
        if len(known) < values.shape[1]:
            answers[view, HEAD_KNOWN] = known[values[:, known].argmax(axis=1)].astype(np.int32)
    return answers


def accuracies(answers: Answers) -> list[Accuracy]:
    """Of every classifier on every view."""
    images = len(answers.label)
    told = []
    for view, classifier in _in_order(answers.predicted):
        correct = int(answers.correct((view, classifier)).sum())
        low, high = (float(bound) for bound in wilson_interval(correct, images))
        told.append(Accuracy(view, classifier, correct, images, correct / images, low, high))
    return told


def comparisons(answers: Answers, seed: int) -> list[Comparison]:
    """On the whole image, linear classifiers with the model's head; of each classifier, the crops
    with the whole image, and the map's crop with the true box's."""
    asked: list[tuple[Key, Key]] = [
        ((FULL, kind), (FULL, head)) for kind in LINEAR for head in (HEAD, HEAD_KNOWN)
    ]
    for classifier in CLASSIFIERS:
        full, of_map, true = ((view, classifier) for view in (FULL, MAP_BOX, TRUE_BOX))
        asked += [(of_map, full), (true, full), (of_map, true)]
    return [
        Comparison(
            *key, *reference,
            compare_paired(answers.correct(key), answers.correct(reference), seed=seed),
        )
        for key, reference in asked
        if key in answers.predicted and reference in answers.predicted
    ]  # fmt: skip


def _in_order(keys: Iterable[Key]) -> list[Key]:
    views, present = (FULL, MAP_BOX, TRUE_BOX), set(keys)
    return [(v, c) for v in views for c in CLASSIFIERS if (v, c) in present]
