"""How often each reader of the questions is right, kind by kind."""

from dataclasses import dataclass

import numpy as np

from tasks.questions.learned import READERS, Learned, Reader
from tasks.questions.plan import QuestionPlan
from tasks.statistics.bootstrap import Estimate
from tasks.statistics.clustered_bootstrap import clustered_mean


@dataclass(frozen=True)
class KindScore:
    """Over the held-out questions of one kind, or of all where `kind` is ''.

    accuracy : by reader; images are drawn with all of their questions
    gain : of the model over the words alone, question by question: what looking is worth
    unseen : questions whose answer was never learned, so that no reader can be right
    """

    kind: str
    questions: int
    accuracy: dict[Reader, Estimate]
    gain: Estimate
    unseen: int


def score_kinds(plan: QuestionPlan, learned: Learned) -> list[KindScore]:
    """One score for all questions, then one for each kind in the order of their questions."""
    kinds = list(dict.fromkeys(question.kind for question in plan.questions))
    kind_of = np.array([question.kind for question in plan.questions])
    scores = [_score(plan, learned, "", plan.tested)]
    for kind in kinds:
        chosen = plan.tested & (kind_of == kind)
        if chosen.any():
            scores.append(_score(plan, learned, kind, chosen))
    return scores


def _score(
    plan: QuestionPlan,
    learned: Learned,
    kind: str,
    chosen: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> KindScore:
    right = np.array([question.answer for question in plan.questions])[chosen]
    images, seed = plan.of[chosen], plan.options.seed
    correct = {reader: learned.answers[reader][chosen] == right for reader in READERS}
    gain = correct["model"].astype(np.float64) - correct["words"]
    return KindScore(
        kind,
        int(chosen.sum()),
        {reader: clustered_mean(hits, images, seed=seed) for reader, hits in correct.items()},
        clustered_mean(gain, images, seed=seed),
        int((~np.isin(right, learned.model.answers)).sum()),
    )
