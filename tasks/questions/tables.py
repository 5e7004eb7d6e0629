"""Questions with their answers, weights and maps as they are written."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.questions.answered import Answered, AnswerMap
from tasks.questions.learned import Learned
from tasks.questions.plan import QuestionPlan
from tasks.tables.question_schemas import VQA_MAPS, VQA_QUESTIONS, VQA_WEIGHTS


def vqa_tables(
    plan: QuestionPlan, learned: Learned, answered: Iterable[Answered]
) -> dict[str, pa.Table]:
    """By file name, of the schemas VQA_QUESTIONS, VQA_WEIGHTS and VQA_MAPS."""
    model = learned.model
    weights = {
        "answer": list(model.answers),
        "bias": model.bias,
        "word": model.word_weight.tolist(),
        "image": model.image_weight.tolist(),
    }
    maps = [_map_row(each, each.map) for each in answered if each.map is not None]
    return {
        "questions": _questions(plan, learned),
        "weights": pa.table(weights, schema=VQA_WEIGHTS),
        "maps": pa.Table.from_pylist(maps, VQA_MAPS),
    }


def _questions(plan: QuestionPlan, learned: Learned) -> pa.Table:
    right = np.array([question.answer for question in plan.questions])
    columns = {
        "image_id": [question.image_id for question in plan.questions],
        "uri": plan.manifest["uri"].to_numpy()[plan.of],
        "split": np.where(plan.tested, "held_out", "train"),
        "kind": [question.kind for question in plan.questions],
        "question": [question.text for question in plan.questions],
        "answer": right,
        "predicted": learned.answers["model"],
        "probability": learned.probabilities.max(axis=1),
        "logit": learned.logits.max(axis=1),
        "correct": learned.answers["model"] == right,
        "from_words": learned.answers["words"],
        "from_image": learned.answers["image"],
        "most_frequent": learned.answers["frequent"],
    }
    arrays = {name: list(values) for name, values in columns.items()}
    return pa.table(arrays, schema=VQA_QUESTIONS)


def _map_row(each: Answered, found: AnswerMap) -> dict[str, Any]:
    parts = each.contributions
    rows, cols = found.values.shape
    shares = {"object_area": found.object_area, "object_energy": found.object_energy}
    return {
        "image_id": each.question.image_id,
        "kind": each.question.kind,
        "question": each.question.text,
        "predicted": each.answer,
        "words": sum(value for _, value in parts.words),
        "image": parts.image,
        "bias": parts.bias,
        "rows": rows,
        "cols": cols,
        "map": found.values.reshape(-1).tolist(),
        **{name: share if np.isfinite(share) else None for name, share in shares.items()},
    }
