"""iBOWIMG (Zhou et al., arXiv:1512.02167): one softmax layer over the words of a question and the
pooled features of its image."""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

Floats = npt.NDArray[np.float64]
Features = npt.NDArray[np.float16] | Floats
Places = npt.NDArray[np.int64]

_ITERATIONS = 2_000


@dataclass(frozen=True)
class AnswerModel:
    """The logit of answer a is
    word_weight[a] . counts + image_weight[a] . features + bias[a].

    answers : A of them, sorted
    word_weight : float64, shape (A, V)
    image_weight : float64, shape (A, K), of pooled activations as they are
    bias : float64, shape (A,)
    mean : float64, shape (K,), the average training image
    converged : the solver stopped by its tolerance
    """

    answers: tuple[str, ...]
    word_weight: Floats
    image_weight: Floats
    bias: Floats
    mean: Floats
    converged: bool

    def logits(self, counts: Floats, features: Features, of: Places) -> Floats:
        """Of M questions; float64, shape (M, A).

        counts : shape (M, V)
        features : shape (N, K), of images
        of : shape (M,), the image of each question
        """
        by_image = features.astype(np.float64) @ self.image_weight.T
        return counts @ self.word_weight.T + by_image[of] + self.bias


def fit_answers(
    counts: Floats, features: Features, of: Places, answers: list[str], c: float
) -> AnswerModel:
    """Multinomial logistic regression with an L2 penalty. Features are scaled to a standard
    deviation of 1 / sqrt(K) over the images: the image as a whole then varies as much as one word,
    whatever K. Between answers only differences count, and of all answers the penalty makes the
    weights of a word or a unit sum to zero.

    counts, features, of : as in `AnswerModel.logits`; V = 0 for a model that sees the image alone,
        K = 0 for one that reads the question alone
    answers : of the M questions, at least two different ones
    c : inverse of the penalty, above 0
    """
    images = features[np.unique(of)].astype(np.float64)
    mean, deviation = images.mean(axis=0), images.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0) * np.sqrt(features.shape[1])
    scaled = (features.astype(np.float64) - mean) / scale
    solver = LogisticRegression(C=c, max_iter=_ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # told as `converged`
        # Of answers that hardly repeat; told as answers that were never learned.
        warnings.filterwarnings("ignore", message="The number of unique classes")
        solver.fit(np.hstack([counts, scaled[of]]), answers)
    coefficient, intercept = _of_each_answer(solver)
    word_weight, image_weight = np.split(coefficient, [counts.shape[1]], axis=1)
    image_weight = image_weight / scale
    return AnswerModel(
        answers=tuple(str(answer) for answer in solver.classes_),
        word_weight=word_weight,
        image_weight=image_weight,
        bias=intercept - image_weight @ mean,
        mean=mean,
        converged=bool(solver.n_iter_.max() < _ITERATIONS),
    )


def _of_each_answer(solver: LogisticRegression) -> tuple[Floats, Floats]:
    if len(solver.coef_) > 1:
        return solver.coef_, solver.intercept_
    # Of two answers there is one logit, which is the difference of theirs.
    signs = np.array([-0.5, 0.5])
    return signs[:, None] * solver.coef_, signs * solver.intercept_
