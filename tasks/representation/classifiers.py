"""Linear classifiers on features, each image answered by one that has not seen it."""

import warnings
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

Labels = npt.NDArray[np.int32]
Kind = Literal["linear_svm", "logistic"]

LINEAR: tuple[Kind, Kind] = ("linear_svm", "logistic")


def draw_folds(labels: Labels, folds: int, seed: int) -> npt.NDArray[np.int32]:
    """Stratified folds, drawn at random.

    labels : int32, shape (N,); each at least `folds` times

    Returns: int32, shape (N,), the fold in which each image is held out, in [0, folds).
    """
    fold = np.zeros(len(labels), dtype=np.int32)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for number, (_, held_out) in enumerate(splitter.split(np.zeros((len(labels), 1)), labels)):
        fold[held_out] = number
    return fold


def out_of_fold_answers(
    features: npt.NDArray[np.float16],
    labels: Labels,
    fold: npt.NDArray[np.int32],
    kind: Kind,
    *,
    c: float,
    seed: int,
) -> Labels:
    """The class of each image by a classifier of the other folds, features scaled to mean 0 and
    variance 1 of those folds.

    features : finite, shape (N, K)
    labels, fold : int32, shape (N,)
    c : inverse regularisation, above 0

    Returns: int32, shape (N,).
    """
    answers = np.empty(len(labels), dtype=np.int32)
    for number in np.unique(fold):
        held_out = fold == number
        model = make_pipeline(StandardScaler(), _classifier(kind, c, seed))
        with warnings.catch_warnings():
            # Not at rest after all steps: its answers are a classifier's all the same.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(features[~held_out].astype(np.float64), labels[~held_out])
        answers[held_out] = model.predict(features[held_out].astype(np.float64))
    return answers


def _classifier(kind: Kind, c: float, seed: int) -> Any:
    if kind == "linear_svm":
        return LinearSVC(C=c, random_state=seed, max_iter=10_000)
    return LogisticRegression(C=c, max_iter=1_000)
