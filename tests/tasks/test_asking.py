"""One question about one image, and questions from which nothing can be learned."""

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import AuditError
from tasks.explain.audited_model import AuditedModel
from tasks.questions.accuracy import score_kinds
from tasks.questions.answered import Answers
from tasks.questions.asking import ask, find_asked_image
from tasks.questions.learned import Learned, learn_answers
from tasks.questions.plan import QuestionOptions, QuestionPlan, plan_questions
from tasks.questions.stage import draw_answers
from tasks.tables.storage import RunFolder
from tests.tasks.marked_audit import IMAGES, MARKED
from tests.tasks.raw_activations import raw_activations
from tests.tasks.test_vqa import OPTIONS, found, learned, model, plan, run
from tests.tasks.tiny_audit import SIDE, draw

__all__ = ["found", "learned", "model", "plan", "run"]


@pytest.mark.parametrize("way", ["id", "uri", "end"])
def test_one_question_is_answered_as_in_the_table(
    plan: QuestionPlan, learned: Learned, model: AuditedModel, found: Answers, way: str
) -> None:
    rows = found.tables["questions"].to_pylist()
    row = [row for row in rows if row["kind"] == "mark"][-1]
    name = {"id": str(row["image_id"]), "uri": row["uri"], "end": Path(row["uri"]).name}[way]
    image = find_asked_image(plan, name)
    assert image["image_id"] == row["image_id"]
    asked = ask(plan, learned, model, image, row["question"] + " Zebra?")
    assert asked.side == row["split"] and asked.answered.unknown == ("zebra",)
    assert asked.answered.answer == row["predicted"]
    assert asked.answered.contributions.logit == pytest.approx(row["logit"], abs=0.05)
    assert asked.answered.map is not None
    image_part = asked.answered.contributions.image
    assert float(asked.answered.map.values.sum()) == pytest.approx(image_part, abs=1e-4)


def test_a_file_that_the_audit_never_saw(
    run: RunFolder, plan: QuestionPlan, learned: Learned, model: AuditedModel, tmp_path: Path
) -> None:
    file = draw(tmp_path / "new.png", seed=999, size=(SIDE, SIDE))
    asked = ask(plan, learned, model, find_asked_image(plan, str(file)), "what is the mark?")
    assert asked.side == "neither" and not asked.answered.unknown
    pooled = raw_activations(run, str(file)).mean(axis=(1, 2))
    weight = learned.model.image_weight[learned.model.answers.index(asked.answered.answer)]
    expected = sum(w * value for w, value in zip(weight, pooled, strict=True))
    assert asked.answered.contributions.image == pytest.approx(expected, abs=1e-3)


def test_what_cannot_be_asked(
    plan: QuestionPlan, learned: Learned, model: AuditedModel, tmp_path: Path
) -> None:
    with pytest.raises(AuditError, match="no image_id"):
        find_asked_image(plan, "4711")
    with pytest.raises(AuditError, match=r"no uri .* 'nowhere.png'"):
        find_asked_image(plan, "nowhere.png")
    row = find_asked_image(plan, "3")
    for text in ("zebra crossing", "", "?!"):
        with pytest.raises(AuditError, match="no word of"):
            ask(plan, learned, model, row, text)
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(AuditError, match="cannot be read"):
        ask(plan, learned, model, find_asked_image(plan, str(tmp_path / "text.png")), "what is")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (QuestionOptions(c=0), "c: expected a number above 0"),
        (QuestionOptions(c=math.inf), "c: expected a number above 0"),
        (QuestionOptions(images=19), "images: expected 20 or more"),
        (QuestionOptions(shown=0), "shown: expected 1 or more"),
        (QuestionOptions(seed=-1), "seed: expected 0 or more"),
        (QuestionOptions(questions="/nowhere.csv"), "cannot be read as a CSV"),
    ],
)
def test_options_out_of_range(run: RunFolder, options: QuestionOptions, words: str) -> None:
    with pytest.raises(AuditError, match=words):
        plan_questions(run, options)


def own(file: Path, rows: list[tuple[int, str, str]]) -> QuestionOptions:
    lines = [f"{image_id},{text},{answer}" for image_id, text, answer in rows]
    file.write_text("\n".join(["image_id,question,answer", *lines]))
    return QuestionOptions(questions=str(file), shown=1, sampled=0)


def test_questions_of_a_users_own(run: RunFolder, model: AuditedModel, tmp_path: Path) -> None:
    rows = [(i, "red?", "indeed" if i < MARKED else "no") for i in range(IMAGES)]
    rows.append((0, "how many?", "forty-two"))  # an answer that is seen once
    plan = plan_questions(run, own(tmp_path / "own.csv", rows))
    assert [(q.image_id, q.text, q.answer) for q in plan.questions] == rows
    found = draw_answers(plan, learn_answers(plan), model, lambda _n: None)
    assert found.scores[0].accuracy["model"].value > 0.8
    seen_in_training = not bool(plan.held_out[0])
    assert found.scores[0].unseen == (0 if seen_in_training else 1)
    assert not found.shares and found.facts["questions"] == str(tmp_path / "own.csv")


def test_answers_that_were_never_learned(run: RunFolder, tmp_path: Path) -> None:
    rows = [(i, "which?", f"number {i}") for i in range(IMAGES)]
    plan = plan_questions(run, own(tmp_path / "own.csv", rows))
    learned = learn_answers(plan)
    right = np.array([question.answer for question in plan.questions])[plan.tested]
    assert not np.isin(right, learned.model.answers).any()
    (whole, _given) = score_kinds(plan, learned)
    assert whole.unseen == whole.questions == int(plan.tested.sum())
    assert whole.accuracy["model"].value == 0


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(i, "red?", "no") for i in range(IMAGES)], "has the answer 'no'; expected two different"),
        ([(i, "red?", str(i)) for i in range(15)], "images with a question to .* expected 10"),
        ([(i, "?", str(i % 2)) for i in range(IMAGES)], "no question holds a word"),
    ],
)
def test_files_from_which_nothing_is_learned(
    run: RunFolder, tmp_path: Path, rows: list[tuple[int, str, str]], words: str
) -> None:
    with pytest.raises(AuditError, match=words):
        learn_answers(plan_questions(run, own(tmp_path / "own.csv", rows)))


def test_a_manifest_without_labels_and_tags(run: RunFolder) -> None:
    (file,) = (run.root / "tables" / "manifest").glob("*.parquet")
    whole, stored = file.read_bytes(), pq.read_table(file)
    rows = stored.to_pylist()
    try:
        for tags in ([], [("light", "day")]):
            bare = [{**row, "label": -1, "tags": tags} for row in rows]
            pq.write_table(pa.Table.from_pylist(bare, stored.schema), file)
            with pytest.raises(AuditError, match="leaves nothing to ask: 'label' has no values"):
                plan_questions(run, OPTIONS)
    finally:
        file.write_bytes(whole)


def test_images_without_features(run: RunFolder, plan: QuestionPlan, tmp_path: Path) -> None:
    (file,) = (run.root / "tables" / "features").glob("*.parquet")
    whole, stored = file.read_bytes(), pq.read_table(file)
    rows = [(i, "red?", "yes" if i < MARKED else "no") for i in range(IMAGES)]
    try:
        pq.write_table(stored.slice(5), file)
        fewer = plan_questions(run, own(tmp_path / "own.csv", rows))
        assert fewer.without_features == 5 and len(fewer.questions) == IMAGES - 5
        with pytest.raises(AuditError, match="has no features"):
            find_asked_image(plan, "2")
        with pytest.raises(AuditError, match=r"none of the images .* has features"):
            plan_questions(run, own(tmp_path / "own.csv", rows[:5]))
    finally:
        file.write_bytes(whole)


def test_fewer_images_when_asked_for(run: RunFolder) -> None:
    plan = plan_questions(run, QuestionOptions(images=40))
    assert len(plan.features.image_id) == 40 and plan.audited == IMAGES
    assert set(plan.of.tolist()) == set(range(40))
