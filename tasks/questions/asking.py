"""One question of a user's own about one image."""

from pathlib import Path
from typing import Any, Literal

import numpy as np

from tasks.concepts.image_choice import find_images
from tasks.errors import AuditError
from tasks.explain.audited_model import AuditedModel
from tasks.images.inputs import Failure
from tasks.questions.answer_maps import answer_map, forward_images, picture_of
from tasks.questions.answered import Answered, Asked
from tasks.questions.breakdown import contributions, ranking
from tasks.questions.learned import Learned, softmax
from tasks.questions.plan import QuestionPlan
from tasks.questions.question import Question
from tasks.questions.stage import manifest_rows

_LISTED = 20  # words in an error
_OUTSIDE = -1  # image_id of a file that the audit has not seen


def find_asked_image(plan: QuestionPlan, image: str) -> dict[str, Any]:
    """The row of the manifest that `image` names: an image_id, a uri as in the manifest, its last
    parts, or any file that holds an image.

    Raises: AuditError for what is neither, and for an image that has no features.
    """
    whole = plan.run.dataset("manifest").to_table(columns=["image_id", "uri"]).to_pandas()
    file = Path(image)
    if file.is_file() and not {image, str(file.resolve())} & set(whole["uri"]):
        return {
            "image_id": _OUTSIDE, "uri": image, "label": -1, "mask_uri": None, "boxes": None,
        }  # fmt: skip
    field = "image_id" if image.isdigit() else "uri"
    (image_id,) = find_images([image], field, whole, Path("--ask"))
    (row,) = manifest_rows(plan, [image_id])
    features = plan.run.dataset("features").to_table(columns=["image_id"])
    if image_id not in features["image_id"].to_numpy():
        raise AuditError(
            f"{row['uri']} has no features: the audit could not read it; its table 'failures' says "
            "why. Ask about another image"
        )
    return row


def check_words(learned: Learned, text: str) -> None:
    """Raises: AuditError where no word of the question is known, so that the answer would not
    depend on it."""
    if all(word in learned.bag.unknown(text) for word in learned.bag.split(text)):
        words = learned.bag.words
        more = f" and {len(words) - _LISTED} more" if len(words) > _LISTED else ""
        raise AuditError(
            f"no word of {text!r} is known: expected one of "
            f"{', '.join(words[:_LISTED])}{more}. Put it in other words"
        )


def ask(
    plan: QuestionPlan, learned: Learned, model: AuditedModel, row: dict[str, Any], text: str
) -> Asked:
    """Answer one question about one image, from its pooled features as they are computed now.

    row : from `find_asked_image`

    Raises: AuditError for a question without a known word and for an image that cannot be read.
    """
    check_words(learned, text)
    failures: list[Failure] = []
    seen = list(forward_images(model, [row], failures, lambda _done: None))
    if not seen:
        raise AuditError(f"{row['uri']} cannot be read: {failures[0].error}")
    image, activations = seen[0]
    features = activations[0].double().mean(dim=(1, 2)).cpu().numpy()
    counts = learned.bag.counts([text])
    logits = learned.model.logits(counts, features[None], np.zeros(1, dtype=np.int64))[0]
    ranked = ranking(learned.model.answers, softmax(logits), "")
    weight = learned.model.image_weight[logits.argmax()]
    answered = Answered(
        Question(row["image_id"], "asked", text, ""),
        ranked,
        contributions(learned, text, features, ranked[0][0]),
        answer_map(activations, weight, image),
        tuple(learned.bag.unknown(text)),
    )
    return Asked(answered, picture_of(image, row), _side(plan, row["image_id"]))


def _side(plan: QuestionPlan, image_id: int) -> Literal["train", "held_out", "neither"]:
    places = np.flatnonzero(plan.features.image_id == image_id)
    if not len(places) or image_id not in plan.features.image_id[plan.of]:
        return "neither"
    return "held_out" if plan.held_out[places[0]] else "train"
