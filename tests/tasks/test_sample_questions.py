"""On the embedded sample: object questions look at the object, and no sum can answer yes or no."""

from pathlib import Path

import pytest

from tasks.explain.audited_model import AuditedModel
from tasks.questions.answered import Answers
from tasks.questions.learned import learn_answers
from tasks.questions.plan import QuestionOptions, plan_questions
from tasks.questions.stage import draw_answers
from tests.tasks.measured_audit import sample_audit

DATA = Path(__file__).resolve().parents[2] / "data"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    run = sample_audit(tmp_path_factory.mktemp("sample"))
    plan = plan_questions(run, QuestionOptions())
    model = AuditedModel(plan.facts, "cpu")
    return draw_answers(plan, learn_answers(plan), model, lambda _n: None)


def test_open_questions_need_a_look(found: Answers) -> None:
    scores = {score.kind: score for score in found.scores}
    for kind in ("label", "background"):
        score = scores[kind]
        assert score.accuracy["model"].low > 0.75
        assert score.gain.low > 0.4
        # Six answers each: what is blind stays near a sixth.
        assert score.accuracy["words"].high < 0.4 and score.accuracy["frequent"].high < 0.4


def test_a_sum_of_words_and_image_is_at_chance_for_yes_or_no(found: Answers) -> None:
    for score in found.scores:
        if score.kind.endswith("yes or no"):
            assert score.accuracy["words"].value == 0.5
            assert 0.35 < score.accuracy["model"].value < 0.65


def test_what_is_this_looks_at_the_object_and_the_background_question_less(
    found: Answers,
) -> None:
    shares = {share.kind: share for share in found.shares}
    assert shares["label"].difference.low > 0.1
    assert shares["background"].energy.high < shares["label"].energy.low
