"""Which held-out answers are shown, and whose maps are held against the object."""

import numpy as np
import numpy.typing as npt

from tasks.questions.learned import Learned
from tasks.questions.plan import QuestionPlan

ByKind = dict[str, list[int]]


def shown_questions(plan: QuestionPlan, learned: Learned) -> tuple[ByKind, ByKind]:
    """Of each kind some right and some wrong answers, at random, each of another image.

    Returns: places of the questions, right ones and wrong ones, by kind.
    """
    generator = np.random.default_rng(plan.options.seed)
    order = generator.permutation(np.flatnonzero(plan.tested))
    right: ByKind = {}
    wrong: ByKind = {}
    seen: set[tuple[str, int]] = set()
    for place in order.tolist():
        question = plan.questions[place]
        correct = learned.answers["model"][place] == question.answer
        shown = (right if correct else wrong).setdefault(question.kind, [])
        if len(shown) < plan.options.shown and (question.kind, question.image_id) not in seen:
            seen.add((question.kind, question.image_id))
            shown.append(place)
    return right, wrong


def sampled_questions(plan: QuestionPlan) -> npt.NDArray[np.int64]:
    """All questions about a random sample of the held-out images that have an object; sorted
    places."""
    boxes = plan.manifest["boxes"].map(lambda each: each is not None and len(each) > 0)
    objects = (plan.manifest["mask_uri"].notna() | boxes).to_numpy()
    generator = np.random.default_rng(plan.options.seed)
    images = generator.permutation(np.flatnonzero(plan.held_out & objects))
    return np.flatnonzero(np.isin(plan.of, images[: plan.options.sampled]))
