"""What was learned from the questions, and what each reader of them answers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.questions.answer_model import AnswerModel, fit_answers
from tasks.questions.answered import Reader
from tasks.questions.bag_of_words import BagOfWords
from tasks.questions.frequent_answers import FrequentAnswers
from tasks.questions.plan import QuestionPlan


@dataclass(frozen=True)
class Learned:
    """model : sees words and image; the other readers are baselines: the words alone, the image
        alone, the most frequent answer to the question
    logits : float64, shape (M, A), of the model, for all M questions
    answers : of each reader, str, shape (M,)
    """

    bag: BagOfWords
    model: AnswerModel
    logits: npt.NDArray[np.float64]
    answers: dict[Reader, npt.NDArray[np.str_]]

    @property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """Softmax of the logits; float64, shape (M, A)."""
        return softmax(self.logits)


def softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Over the last axis."""
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return odds / odds.sum(axis=-1, keepdims=True)


def learn_answers(plan: QuestionPlan) -> Learned:
    """Train the model and its baselines on the questions about images that are not held out.

    Raises: AuditError where no question holds a word.
    """
    train = np.flatnonzero(~plan.tested)
    bag = BagOfWords([plan.questions[i].text for i in train])
    counts = bag.counts([question.text for question in plan.questions])
    right = [plan.questions[i].answer for i in train]
    pooled, of, c = plan.features.pooled, plan.of, plan.options.c

    def fitted(words: slice, units: slice) -> tuple[AnswerModel, npt.NDArray[np.float64]]:
        some = pooled[:, units]
        model = fit_answers(counts[train][:, words], some, of[train], right, c)
        return model, model.logits(counts[:, words], some, of)

    every, none = slice(None), slice(0)
    model, logits = fitted(every, every)
    frequent = FrequentAnswers([plan.questions[i] for i in train])
    named = np.array(model.answers)
    return Learned(
        bag,
        model,
        logits,
        {
            "model": named[logits.argmax(axis=1)],
            "words": named[fitted(every, none)[1].argmax(axis=1)],
            "image": named[fitted(none, every)[1].argmax(axis=1)],
            "frequent": np.array([frequent.answer(question) for question in plan.questions]),
        },
    )
