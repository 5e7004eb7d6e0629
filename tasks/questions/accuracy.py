"""How often each reader of the questions is right, kind by kind."""

import numpy as np
import numpy.typing as npt

from tasks.questions.answered import READERS, KindScore
from tasks.questions.learned import Learned
from tasks.questions.plan import QuestionPlan
from tasks.statistics.clustered_bootstrap import clustered_mean


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
    chosen: npt.NDArray[np.bool_],
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
