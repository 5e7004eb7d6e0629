"""An answer, what it is made of, and where in the picture it comes from: no tensors."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.images.decoding import Pixels
from tasks.images.geometry import Placement
from tasks.questions.question import Question
from tasks.statistics.bootstrap import Estimate

Reader = Literal["model", "words", "image", "frequent"]
READERS: tuple[Reader, ...] = get_args(Reader)


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
class KindScore:
    """Over the held-out questions of one kind, or of all where `kind` is ''.

    accuracy : by reader: the model, the words alone, the image alone, the most frequent answer;
        images are drawn with all of their questions
    gain : of the model over the words alone, question by question: what looking is worth
    unseen : questions whose answer was never learned, so that no reader can be right
    """

    kind: str
    questions: int
    accuracy: dict[Reader, Estimate]
    gain: Estimate
    unseen: int


@dataclass(frozen=True)
class Answers:
    """Everything that `camaudit vqa` found.

    facts : content of vqa.json
    model : content of audit.json
    scores : of all questions, then of each kind
    shares : of the kinds that have a map with an object
    right, wrong : by kind, answers to held-out questions, drawn at random
    uris, pictures : by image_id; no picture of what can no longer be read
    tables : by file name
    """

    facts: dict[str, Any]
    model: dict[str, Any]
    scores: list[KindScore]
    shares: list[MapShares]
    right: dict[str, list[Answered]]
    wrong: dict[str, list[Answered]]
    uris: dict[int, str]
    pictures: dict[int, Picture]
    tables: dict[str, pa.Table]


@dataclass(frozen=True)
class Asked:
    """One question of a user's own.

    side : of the split on which the image was, 'neither' where nothing was asked about it
    """

    answered: Answered
    picture: Picture
    side: Literal["train", "held_out", "neither"]
