"""The pages of `camaudit vqa`: all that was asked, or one question of a user's own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.legends import write_legends
from reports.questions.answer_cards import Card, CardWriter
from reports.questions.question_words import LIMITS, how_made, is_yes_or_no, kind_name
from reports.site import model_name
from reports.views.explain_plates import PictureFolder
from reports.views.view_folder import view_writer
from tasks.questions.answered import Answered, Answers, Asked, KindScore
from tasks.tables.whole_files import write_json, write_table


@dataclass(frozen=True)
class Section:
    """right, wrong : answers to held-out questions of one kind"""

    kind: str
    right: list[Card]
    wrong: list[Card]


def write_questions_page(found: Answers, folder: Path) -> Path:
    """Write FOLDER/index.html with its pictures, vqa.json and the tables questions, weights and
    maps as Parquet; returns the path of the page. The folder appears whole.

    Raises: AuditError where the folder holds anything but an earlier view.
    """
    model = model_name(found.model)
    title = f"Questions to {model}"
    with view_writer(folder, title, model, {"kind": "vqa"}) as pages:
        write_json(pages.folder / "vqa.json", found.facts)
        for name, table in found.tables.items():
            write_table(pages.folder / f"{name}.parquet", table)
        write_legends(pages.folder / "assets")
        groups = [each for by_kind in (found.right, found.wrong) for each in by_kind.values()]
        shown = [answered for group in groups for answered in group]
        cards = CardWriter(PictureFolder(pages.folder), shown)
        pages.write(
            "index.html",
            "questions.html",
            facts=found.facts,
            shares=found.shares,
            sections=_sections(found, cards),
            limit=cards.limit,
            made=how_made(found.facts),
            **_said(found.scores),
        )
    return folder / "index.html"


def write_answer_page(
    asked: Asked, scores: list[KindScore], facts: dict[str, Any], folder: Path
) -> Path:
    """Write FOLDER/index.html about one question, with answer.json.

    facts : content of audit.json

    Raises: AuditError where the folder holds anything but an earlier view.
    """
    model, answered = model_name(facts), asked.answered
    title = f"“{answered.question.text}”, asked of {model}"
    with view_writer(folder, title, model, {"kind": "answer"}) as pages:
        write_json(pages.folder / "answer.json", answer_facts(asked))
        write_legends(pages.folder / "assets")
        cards = CardWriter(PictureFolder(pages.folder), [answered])
        pages.write(
            "index.html",
            "question.html",
            asked=asked,
            card=cards.card(answered, asked.picture.uri, asked.picture),
            limit=cards.limit,
            target_layer=facts["model"]["target_layer"],
            **_said(scores),
        )
    return folder / "index.html"


def answer_facts(asked: Asked) -> dict[str, Any]:
    """Content of answer.json."""
    answered, parts = asked.answered, asked.answered.contributions
    found = answered.map
    return {
        "question": answered.question.text,
        "image_id": answered.question.image_id,
        "uri": asked.picture.uri,
        "side": asked.side,
        "unknown": list(answered.unknown),
        "answers": [{"answer": name, "probability": p} for name, p in answered.ranking],
        "logit": parts.logit,
        "words": [{"word": word, "contribution": value} for word, value in parts.words],
        "image": parts.image,
        "average_image": parts.average_image,
        "bias": parts.bias,
        "map": None if found is None else found.values.tolist(),
    }


def _said(scores: list[KindScore]) -> dict[str, Any]:
    """What both templates are given."""
    return {
        "scores": scores,
        "kind_name": kind_name,
        "yes_or_no": any(is_yes_or_no(score.kind) for score in scores),
        "limits": LIMITS,
    }


def _sections(found: Answers, cards: CardWriter) -> list[Section]:
    def made(group: list[Answered]) -> list[Card]:
        ids = [answered.question.image_id for answered in group]
        return [
            cards.card(answered, found.uris[image_id], found.pictures.get(image_id))
            for answered, image_id in zip(group, ids, strict=True)
        ]

    kinds = [score.kind for score in found.scores if score.kind]
    right, wrong = found.right, found.wrong
    return [Section(kind, made(right.get(kind, [])), made(wrong.get(kind, []))) for kind in kinds]
