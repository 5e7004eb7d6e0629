"""Answers about a finished audit: maps and contributions against the raw model in plain loops."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.errors import AuditError
from tasks.explain.audited_model import AuditedModel
from tasks.questions.answered import Answers
from tasks.questions.asking import ask, find_asked_image
from tasks.questions.learned import Learned, learn_answers
from tasks.questions.plan import QuestionOptions, QuestionPlan, plan_questions
from tasks.questions.stage import draw_answers
from tasks.tables.storage import RunFolder
from tests.tasks.marked_audit import IMAGES, MARKED, mark_of, marked_audit
from tests.tasks.raw_activations import raw_activations
from tests.tasks.tiny_audit import SIDE, table

OPTIONS = QuestionOptions(shown=2, sampled=8)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return marked_audit(tmp_path_factory.mktemp("marked"))


@pytest.fixture(scope="module")
def plan(run: RunFolder) -> QuestionPlan:
    return plan_questions(run, OPTIONS)


@pytest.fixture(scope="module")
def learned(plan: QuestionPlan) -> Learned:
    return learn_answers(plan)


@pytest.fixture(scope="module")
def model(plan: QuestionPlan) -> AuditedModel:
    return AuditedModel(plan.facts, "cpu")


@pytest.fixture(scope="module")
def found(plan: QuestionPlan, learned: Learned, model: AuditedModel) -> Answers:
    return draw_answers(plan, learned, model, lambda _n: None)


def weights_of(found: Answers) -> tuple[list[str], dict[str, dict[str, object]]]:
    rows = {row["answer"]: row for row in found.tables["weights"].to_pylist()}
    return found.facts["words"], rows


def words_in(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text.lower()).split()


def test_no_image_is_on_both_sides(plan: QuestionPlan, found: Answers) -> None:
    rows = found.tables["questions"].to_pandas()
    sides = rows.groupby("image_id")["split"].nunique()
    assert (sides == 1).all() and len(sides) == IMAGES
    held = set(rows[rows["split"] == "held_out"]["image_id"])
    assert 20 <= len(held) <= 40
    pooled = {int(i): row.tobytes() for i, row in
              zip(plan.features.image_id, plan.features.pooled, strict=True)}  # fmt: skip
    assert not {pooled[i] for i in held} & {pooled[i] for i in pooled if i not in held}
    # What was learned knows the training side alone.
    train = rows[rows["split"] == "train"]
    assert found.facts["words"] == sorted({w for text in train["question"] for w in words_in(text)})
    assert found.facts["answers"] == sorted(set(train["answer"]))


def test_the_logit_in_plain_loops(run: RunFolder, found: Answers) -> None:
    features = table(run, "features").set_index("image_id")["pooled"]
    words, weights = weights_of(found)
    for row in found.tables["questions"].to_pylist()[::11]:
        logits = {}
        for answer, weight in weights.items():
            logit = weight["bias"]
            for word in words_in(row["question"]):
                logit += weight["word"][words.index(word)] if word in words else 0.0
            for w, value in zip(weight["image"], features[row["image_id"]], strict=True):
                logit += w * float(value)
            logits[answer] = logit
        best = max(logits, key=lambda answer: logits[answer])
        assert row["predicted"] == best
        assert row["logit"] == pytest.approx(logits[best], abs=1e-9)
        total = sum(math.exp(value - logits[best]) for value in logits.values())
        assert row["probability"] == pytest.approx(1 / total)


def test_words_image_and_bias_are_the_logit(found: Answers) -> None:
    rows = found.tables["questions"].to_pandas().set_index(["image_id", "question"])["logit"]
    words, weights = weights_of(found)
    shown = [each for by_kind in (found.right, found.wrong) for e in by_kind.values() for each in e]
    assert len(shown) > 8
    for answered in shown:
        parts, text = answered.contributions, answered.question.text
        for word, value in parts.words:
            weight = weights[answered.answer]["word"][words.index(word)]
            assert value == pytest.approx(weight * words_in(text).count(word))
        assert [word for word, _ in parts.words] == [
            word for word in dict.fromkeys(words_in(text)) if word in words
        ]
        assert parts.bias == weights[answered.answer]["bias"]
        logit = sum(value for _, value in parts.words) + parts.image + parts.bias
        expected = float(rows[(answered.question.image_id, text)])
        assert logit == pytest.approx(expected, abs=1e-9)
        assert parts.logit == pytest.approx(expected, abs=1e-9)


def test_the_map_is_the_image_part_of_the_answers_weights(run: RunFolder, found: Answers) -> None:
    _, weights = weights_of(found)
    maps = found.tables["maps"].to_pylist()
    uris = table(run, "manifest").set_index("image_id")["uri"]
    assert len(maps) >= 20
    for row in maps[::5]:
        activation = raw_activations(run, uris[row["image_id"]])
        weight = weights[row["predicted"]]["image"]
        units, rows, cols = activation.shape
        expected = [
            sum(weight[k] * activation[k, y, x] for k in range(units)) / (rows * cols)
            for y in range(rows)
            for x in range(cols)
        ]
        size = max(abs(value) for value in expected)
        assert row["map"] == pytest.approx(expected, abs=1e-4 * size)
        # Its sum is the image's contribution, whose features are stored in float16.
        pooled = activation.mean(axis=(1, 2))
        rounding = sum(abs(weight[k]) * abs(pooled[k]) for k in range(units)) * 2**-10
        assert sum(row["map"]) == pytest.approx(row["image"], abs=rounding + 1e-5)
        assert rounding < 0.05


def test_how_much_of_a_map_lies_on_the_object(found: Answers) -> None:
    rows = found.tables["maps"].to_pandas()
    for row in rows.to_dict("records"):
        if row["image_id"] >= MARKED:
            assert math.isnan(row["object_energy"]) and math.isnan(row["object_area"])
            continue
        left, top, right, bottom = mark_of(row["image_id"])
        cells = np.reshape(row["map"], (row["rows"], row["cols"]))
        size, on, whole = SIDE // row["rows"], 0.0, 0.0
        for y in range(row["rows"]):
            for x in range(row["cols"]):
                inside = top <= y * size < bottom and left <= x * size < right
                on += max(cells[y, x], 0) * inside
                whole += max(cells[y, x], 0)
        if whole == 0:
            assert math.isnan(row["object_energy"])
            continue
        assert row["object_energy"] == pytest.approx(on / whole, abs=1e-5)
        assert row["object_area"] == pytest.approx((right - left) * (bottom - top) / SIDE**2)


def test_shares_are_means_over_the_sample(plan: QuestionPlan, found: Answers) -> None:
    rows = found.tables["maps"].to_pandas()
    marked = {int(i) for i in plan.features.image_id[plan.held_out] if i < MARKED}
    generator = np.random.default_rng(0)
    ids = [int(i) for i in plan.features.image_id[plan.held_out] if i < MARKED]
    sample = set(generator.permutation(ids)[:8].tolist())
    assert sample <= marked and found.shares
    for share in found.shares:
        of = rows[(rows["kind"] == share.kind) & rows["image_id"].isin(sample)]
        of = of[of["object_energy"].notna()]
        assert share.energy.value == pytest.approx(of["object_energy"].mean(), abs=1e-6)
        assert share.area.value == pytest.approx(of["object_area"].mean(), abs=1e-6)
        difference = (of["object_energy"] - of["object_area"]).mean()
        assert share.difference.value == pytest.approx(difference, abs=1e-6)
        assert share.energy.images == of["image_id"].nunique()


def frequent(train: pd.DataFrame, row: dict[str, str]) -> str:
    for part in (train[train["question"] == row["question"]], train[train["kind"] == row["kind"]]):
        if len(part):
            counts = part["answer"].value_counts()
            return min(answer for answer in counts.index if counts[answer] == counts.max())
    raise AssertionError


def test_accuracies_are_counts_of_the_table(found: Answers) -> None:
    rows = found.tables["questions"].to_pandas()
    train, held = rows[rows["split"] == "train"], rows[rows["split"] == "held_out"]
    assert [frequent(train, row) for row in held.to_dict("records")] == held[
        "most_frequent"
    ].tolist()
    columns = {"model": "predicted", "words": "from_words", "image": "from_image",
               "frequent": "most_frequent"}  # fmt: skip
    assert [score.kind for score in found.scores] == [
        "", "label", "label: yes or no", "mark", "mark: yes or no"
    ]  # fmt: skip
    for score in found.scores:
        of = held[held["kind"] == score.kind] if score.kind else held
        assert score.questions == len(of)
        hits = {name: of[column] == of["answer"] for name, column in columns.items()}
        for reader, estimate in score.accuracy.items():
            assert estimate.value == pytest.approx(hits[reader].mean())
            assert estimate.images == of["image_id"].nunique()
        gain = (hits["model"].astype(int) - hits["words"].astype(int)).mean()
        assert score.gain.value == pytest.approx(gain)
        if score.kind.endswith("yes or no"):
            assert score.accuracy["words"].value == score.accuracy["frequent"].value == 0.5


def test_the_mark_is_seen_and_the_words_alone_do_not_tell_it(found: Answers) -> None:
    (score,) = [score for score in found.scores if score.kind == "mark"]
    assert score.accuracy["model"].value > 0.85 and score.gain.low > 0


def test_shown_are_held_out_right_and_wrong(plan: QuestionPlan, found: Answers) -> None:
    held = set(plan.features.image_id[plan.held_out].tolist())
    for group, right in ((found.right, True), (found.wrong, False)):
        for kind, shown in group.items():
            assert 0 < len(shown) <= 2
            assert len({each.question.image_id for each in shown}) == len(shown)
            for each in shown:
                assert each.question.kind == kind and each.question.image_id in held
                assert (each.answer == each.question.answer) == right
                probabilities = [p for _, p in each.ranking]
                assert probabilities[:4] == sorted(probabilities[:4], reverse=True)
                assert each.question.answer in [name for name, _ in each.ranking]


def test_the_seed_decides_all_of_it(run: RunFolder, model: AuditedModel, found: Answers) -> None:
    plan = plan_questions(run, OPTIONS)
    again = draw_answers(plan, learn_answers(plan), model, lambda _n: None)
    assert all(again.tables[name].equals(one) for name, one in found.tables.items())
    assert again.facts == found.facts
    other = plan_questions(run, QuestionOptions(seed=1))
    assert other.questions != plan.questions


def test_an_image_that_is_gone_is_told(
    plan: QuestionPlan, learned: Learned, model: AuditedModel, found: Answers
) -> None:
    gone = next(iter(found.right.values()))[0].question.image_id
    uri = Path(found.uris[gone])
    uri.rename(uri.with_suffix(".gone"))
    try:
        again = draw_answers(plan, learned, model, lambda _n: None)
        with pytest.raises(AuditError, match="cannot be read"):
            ask(plan, learned, model, find_asked_image(plan, str(gone)), "what is this?")
    finally:
        uri.with_suffix(".gone").rename(uri)
    assert gone not in again.pictures and gone not in again.tables["maps"]["image_id"].to_pylist()
    assert [failure["uri"] for failure in again.facts["failures"]] == [str(uri)]
    assert again.tables["questions"].equals(found.tables["questions"])
