"""What the logit of an answer is made of, and the answers that came next."""

import numpy as np
import numpy.typing as npt

from tasks.questions.answered import Contributions
from tasks.questions.learned import Learned

Floats = npt.NDArray[np.float64]


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
