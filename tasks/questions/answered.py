"""An answer, what it is made of, and where in the picture it comes from: no tensors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.images.decoding import Pixels
from tasks.images.geometry import Placement
from tasks.questions.accuracy import KindScore
from tasks.questions.learned import Learned
from tasks.questions.plan import QuestionPlan
from tasks.questions.question import Question
from tasks.statistics.bootstrap import Estimate

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Contributions:
    """To the logit of one answer: the words, the image and the bias sum to it.

    words : of the question in their order, each with its weight times its count
    image : image_weight . features, the sum of the map
    average_image : the same for the average training image, for comparison
    """

    words: tuple[tuple[str, float], ...]
    image: float
    average_image: float
    bias: float

    @property
    def logit(self) -> float:
        return sum(value for _, value in self.words) + self.image + self.bias


@dataclass(frozen=True)
class AnswerMap:
    """values : float32, shape (rows, cols): sum_k w_k A_k / (rows * cols), which sums to the
        contribution of the image
    object_area, object_energy : the object's share of the view and of the map's positive part;
        NaN without an object, or without a positive part
    """

    values: npt.NDArray[np.float32]
    object_area: float
    object_energy: float


@dataclass(frozen=True)
class Picture:
    """view : uint8, shape (crop, crop, 3), what the model saw"""

    image_id: int
    uri: str
    view: Pixels
    placement: Placement
    mask_uri: str | None
    boxes: list[list[float]]


@dataclass(frozen=True)
class Answered:
    """question : its answer is '' where nobody knows it
    ranking : the likeliest answers with their probabilities, and at the end the right one where
        it is not among them
    map : of the first answer; None where the image can no longer be read
    unknown : words of the question that the model has never read
    """

    question: Question
    ranking: tuple[tuple[str, float], ...]
    contributions: Contributions
    map: AnswerMap | None
    unknown: tuple[str, ...] = ()

    @property
    def answer(self) -> str:
        return self.ranking[0][0]


@dataclass(frozen=True)
class MapShares:
    """Over the maps of a random sample of held-out images with an object, for one kind of
    question: energy, area : means of the two shares in [0, 1]; difference : paired"""

    kind: str
    energy: Estimate
    area: Estimate
    difference: Estimate


@dataclass(frozen=True)
class Answers:
    """Everything that `camaudit vqa` found.

    facts : content of vqa.json
    right, wrong : by kind, the places of the questions shown, drawn at random
    answered : by place of the question, those shown and those of the sample
    pictures : by image_id
    shares : of the kinds that have a map with an object
    """

    plan: QuestionPlan
    learned: Learned
    scores: list[KindScore]
    shares: list[MapShares]
    right: dict[str, list[int]]
    wrong: dict[str, list[int]]
    answered: dict[int, Answered]
    pictures: dict[int, Picture]
    facts: dict[str, Any]


def contributions(learned: Learned, text: str, features: Floats, answer: str) -> Contributions:
    """What makes the logit of an answer.

    features : float64, shape (K,), pooled
    """
    model = learned.model
    place = model.answers.index(answer)
    counts = learned.bag.counts([text])[0]
    columns = {word: column for column, word in enumerate(learned.bag.words)}
    words = tuple(
        (word, float(model.word_weight[place, columns[word]] * counts[columns[word]]))
        for word in learned.bag.split(text)
        if word in columns
    )
    weight = model.image_weight[place]
    return Contributions(
        words, float(weight @ features), float(weight @ model.mean), float(model.bias[place])
    )


def ranking(
    answers: tuple[str, ...], probabilities: Floats, right: str, top: int = 4
) -> tuple[tuple[str, float], ...]:
    """The `top` likeliest answers, and the right one behind them where it is a known one."""
    order = np.argsort(-probabilities, kind="stable")
    chosen = [int(place) for place in order[:top]]
    if right in answers and answers.index(right) not in chosen:
        chosen.append(answers.index(right))
    return tuple((answers[place], float(probabilities[place])) for place in chosen)
