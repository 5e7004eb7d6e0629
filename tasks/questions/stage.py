"""From learned answers to the pictures that they come from."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow.compute as pc

from tasks.explain.audited_model import AuditedModel
from tasks.images.inputs import Failure
from tasks.questions.accuracy import score_kinds
from tasks.questions.answer_maps import answer_map, forward_images, picture_of
from tasks.questions.answered import (
    Answered,
    AnswerMap,
    Answers,
    MapShares,
    Picture,
)
from tasks.questions.breakdown import contributions, ranking
from tasks.questions.facts import vqa_facts
from tasks.questions.learned import Learned, softmax
from tasks.questions.plan import QuestionPlan
from tasks.questions.questions_to_draw import ByKind, sampled_questions, shown_questions
from tasks.questions.tables import vqa_tables
from tasks.statistics.clustered_bootstrap import clustered_mean


def draw_answers(
    plan: QuestionPlan, learned: Learned, model: AuditedModel, advance: Callable[[int], None]
) -> Answers:
    """Scores of all held-out questions, and the maps of some: one forward for each image, however
    many questions there are about it.

    advance : is told how many images were done
    """
    right, wrong = shown_questions(plan, learned)
    sample = sampled_questions(plan)
    shown = [place for by_kind in (right, wrong) for ids in by_kind.values() for place in ids]
    places = sorted({*shown, *sample.tolist()})
    maps, pictures, failures = _maps(plan, learned, model, places, advance)
    scores, shares = score_kinds(plan, learned), _shares(plan, sample.tolist(), maps)
    answered = {place: _answered(plan, learned, place, maps.get(place)) for place in places}
    uris = plan.manifest["uri"].to_numpy()
    return Answers(
        facts=vqa_facts(plan, learned, scores, shares, failures),
        model=plan.facts,
        scores=scores,
        shares=shares,
        right=_answers_of(right, answered),
        wrong=_answers_of(wrong, answered),
        uris={plan.questions[place].image_id: str(uris[plan.of[place]]) for place in places},
        pictures=pictures,
        tables=vqa_tables(plan, learned, answered.values()),
    )


def _answers_of(places: ByKind, answered: dict[int, Answered]) -> dict[str, list[Answered]]:
    return {kind: [answered[place] for place in each] for kind, each in places.items()}


def manifest_rows(plan: QuestionPlan, image_ids: list[int]) -> list[dict[str, Any]]:
    """Rows of the audit's manifest, by image_id."""
    manifest = plan.run.dataset("manifest").to_table(filter=pc.field("image_id").isin(image_ids))
    rows: list[dict[str, Any]] = manifest.sort_by("image_id").to_pylist()
    return rows


def _maps(
    plan: QuestionPlan,
    learned: Learned,
    model: AuditedModel,
    places: list[int],
    advance: Callable[[int], None],
) -> tuple[dict[int, AnswerMap], dict[int, Picture], list[Failure]]:
    asked: dict[int, list[int]] = {}
    for place in places:
        asked.setdefault(plan.questions[place].image_id, []).append(place)
    rows = manifest_rows(plan, sorted(asked))
    by_id = {row["image_id"]: row for row in rows}
    failures: list[Failure] = []
    maps: dict[int, AnswerMap] = {}
    pictures: dict[int, Picture] = {}
    for image, activations in forward_images(model, rows, failures, advance):
        pictures[image.image_id] = picture_of(image, by_id[image.image_id])
        for place in asked[image.image_id]:
            weight = learned.model.image_weight[learned.logits[place].argmax()]
            maps[place] = answer_map(activations, weight, image)
    return maps, pictures, failures


def _answered(
    plan: QuestionPlan, learned: Learned, place: int, found: AnswerMap | None
) -> Answered:
    question = plan.questions[place]
    ranked = ranking(learned.model.answers, softmax(learned.logits[place]), question.answer)
    features = plan.features.pooled[plan.of[place]].astype(np.float64)
    return Answered(
        question,
        ranked,
        contributions(learned, question.text, features, ranked[0][0]),
        found,
        tuple(learned.bag.unknown(question.text)),
    )


def _shares(plan: QuestionPlan, sample: list[int], maps: dict[int, AnswerMap]) -> list[MapShares]:
    by_kind: dict[str, list[int]] = {}
    for place in sample:
        if place in maps and np.isfinite(maps[place].object_energy):
            by_kind.setdefault(plan.questions[place].kind, []).append(place)
    shares = []
    for kind in dict.fromkeys(question.kind for question in plan.questions):
        places = by_kind.get(kind, [])
        if places:
            energy = np.array([maps[place].object_energy for place in places])
            area = np.array([maps[place].object_area for place in places])
            means = [
                clustered_mean(values, plan.of[places], seed=plan.options.seed)
                for values in (energy, area, energy - area)
            ]
            shares.append(MapShares(kind, *means))
    return shares
