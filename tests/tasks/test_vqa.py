"""Answers about a finished audit: maps and contributions against the raw model in plain loops."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from tasks.errors import AuditError
from tasks.faithfulness.audited_model import AuditedModel
from tasks.model.loading import load_model
from tasks.questions.accuracy import score_kinds
from tasks.questions.answered import Answers
from tasks.questions.asking import ask, find_asked_image
from tasks.questions.learned import Learned, learn_answers
from tasks.questions.plan import QuestionOptions, QuestionPlan, plan_questions
from tasks.questions.stage import draw_answers
from tasks.tables.storage import RunFolder
from tests.tasks.marked_audit import IMAGES, MARKED, mark_of, marked_audit
from tests.tasks.tiny_audit import SIDE, draw, table

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


def activations(run: RunFolder, uri: str) -> np.ndarray:
    """(K, H, W) of the untouched model in float64, by a hook of our own."""
    facts = run.audit()
    net = load_model(facts["config"]["model"], None).module.eval().double()
    pixels = np.asarray(Image.open(uri), dtype=np.float64) / 255
    inputs = (pixels - [0.5, 0.4, 0.3]) / [0.2, 0.2, 0.2]
    kept: list[torch.Tensor] = []
    layer = net.get_submodule(facts["model"]["target_layer"])
    layer.register_forward_hook(lambda _m, _i, output: kept.append(output.clone()))
    with torch.no_grad():
        net(torch.from_numpy(inputs).permute(2, 0, 1)[None])
    return kept[0][0].numpy()


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
        activation = activations(run, uris[row["image_id"]])
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


@pytest.mark.parametrize("way", ["id", "uri", "end"])
def test_one_question_is_answered_as_in_the_table(
    plan: QuestionPlan, learned: Learned, model: AuditedModel, found: Answers, way: str
) -> None:
    row = found.tables["questions"].filter(pa.compute.equal(
        found.tables["questions"]["kind"], "mark")).to_pylist()[-1]  # fmt: skip
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
    pooled = activations(run, str(file)).mean(axis=(1, 2))
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
