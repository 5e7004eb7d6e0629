"""`camaudit vqa` as a user calls it: the pages, the tables, and plain errors."""

import json
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from tasks.tables.question_schemas import VQA_MAPS, VQA_QUESTIONS, VQA_WEIGHTS
from tasks.tables.storage import RunFolder
from tests.reports.page import Page
from tests.tasks.marked_audit import IMAGES, MARKED, marked_audit


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return marked_audit(tmp_path_factory.mktemp("marked"))


def call(run: RunFolder, *flags: str) -> Result:
    return CliRunner().invoke(app, ["vqa", str(run.root), *flags])


@pytest.fixture(scope="module")
def out(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page") / "out"
    result = call(run, "--shown", "2", "--sampled", "6", "--out", str(folder))
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == str(folder / "index.html")
    rows = pq.read_table(folder / "questions.parquet").to_pandas()
    held = rows[rows["split"] == "held_out"]
    told = f"{100 * held['correct'].mean():.1f} %"
    assert f"all questions: {told}" in result.stdout
    return folder


def test_what_is_written_agrees(out: Path) -> None:
    facts = json.loads((out / "vqa.json").read_text())
    rows = pq.read_table(out / "questions.parquet").to_pandas()
    assert rows.columns.tolist() == VQA_QUESTIONS.names
    assert pq.read_schema(out / "weights.parquet").names == VQA_WEIGHTS.names
    assert pq.read_schema(out / "maps.parquet").names == VQA_MAPS.names
    page = Page(out / "index.html")
    held = rows[rows["split"] == "held_out"]
    for kind, name in (("label", "Label"), ("mark: yes or no", "Mark: yes or no")):
        of = held[held["kind"] == kind]
        cells = page.row(name)
        assert cells[1].startswith(f"{len(of)} ")
        for cell, column in zip(
            cells[2:6], ("predicted", "from_words", "from_image", "most_frequent"), strict=True
        ):
            assert cell.startswith(f"{100 * (of[column] == of['answer']).mean():.1f} %")
    assert facts["accuracy"][0]["model"]["value"] == pytest.approx(held["correct"].mean())
    assert f"{facts['train']['questions']} questions about" in page.text
    assert "cannot match" in page.text


def test_every_link_stays_in_the_folder(out: Path) -> None:
    page = Page(out / "index.html")
    targets = [tag.get("href") or tag.get("src") or "" for _, tag in page.tags]
    files = [target for target in targets if target and not target.startswith(("#", "data:"))]
    assert len(files) > 20
    assert all((out / file).is_file() for file in files)


def test_one_question(run: RunFolder, tmp_path: Path) -> None:
    folder = tmp_path / "answer"
    result = call(run, "--ask", "3", "what is the purple mark?", "--out", str(folder))
    assert result.exit_code == 0, result.output
    assert "without a say: purple" in result.stderr
    facts = json.loads((folder / "answer.json").read_text())
    assert facts["unknown"] == ["purple"] and facts["image_id"] == 3
    best = facts["answers"][0]
    assert result.stdout.startswith(f"{best['answer']} {100 * best['probability']:.1f} %")
    words = sum(each["contribution"] for each in facts["words"])
    assert facts["logit"] == pytest.approx(words + facts["image"] + facts["bias"])
    assert np.sum(facts["map"]) == pytest.approx(facts["image"], abs=1e-4)
    page = Page(folder / "index.html")
    assert "Never read, so without a say: purple" in page.text
    assert f"logit {facts['logit']:+.2f}" in page.text
    image = f"{facts['image']:+.2f}".replace("-", "−")
    assert f"image {image}" in page.text


def test_red_is_where_the_map_is_positive(run: RunFolder, tmp_path: Path) -> None:
    folder = tmp_path / "answer"
    assert call(run, "--ask", "3", "what is this?", "--out", str(folder)).exit_code == 0
    cells = np.array(json.loads((folder / "answer.json").read_text())["map"])
    (picture,) = [tag["src"] for tag in Page(folder / "index.html").all("img")
                  if tag.get("class") == "map"]  # fmt: skip
    drawn = cv2.imread(str(folder / picture), cv2.IMREAD_UNCHANGED).astype(int)
    size = drawn.shape[0] // len(cells)
    row, col = np.unravel_index(np.abs(cells).argmax(), cells.shape)
    blue, _, red, opacity = drawn[row * size + size // 2, col * size + size // 2]
    assert (red - blue) * np.sign(cells[row, col]) > 40 and opacity > 100


def test_questions_of_a_users_own_and_a_second_call(run: RunFolder, tmp_path: Path) -> None:
    rows = [f"{i},shall we stop?,{'stop' if i < MARKED else 'go'},road" for i in range(IMAGES)]
    file = tmp_path / "own.csv"
    file.write_text("\n".join(["image_id,question,answer,kind", *rows]))
    for _ in range(2):
        result = call(run, "--questions", str(file), "--shown", "1", "--sampled", "0")
        assert result.exit_code == 0, result.output
    page = Page(run.root / "vqa" / "index.html")
    assert page.row("Road")[1].startswith(str(page.row("All questions")[1].split()[0]))
    assert "2 answers: go, stop" in page.text and "cannot match what" not in page.text


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--device", "tpu"], ["expected auto, cpu or cuda"]),
        (["--c", "-1"], ["c: expected a number above 0"]),
        (["--questions", "nothing.csv"], ["nothing.csv cannot be read"]),
        (["--ask", "nothing.png", "what is this?"], ["no uri of this audit's manifest"]),
        (["--ask", "3", "zebra"], ["no word of 'zebra' is known", "a, as, class, do"]),
        (["--out", "/proc/version"], ["is a file"]),
    ],
)
def test_a_mistake_is_told_and_nothing_written(
    run: RunFolder, flags: list[str], words: list[str]
) -> None:
    before = sorted(run.root.rglob("*"))
    result = call(run, *flags)
    assert result.exit_code == 1 and "Traceback" not in result.output
    assert all(word in result.stderr for word in words), result.stderr
    assert sorted(run.root.rglob("*")) == before


def test_a_folder_that_is_no_audit(tmp_path: Path) -> None:
    result = call(RunFolder(tmp_path))
    assert result.exit_code == 1 and "not the folder of an audit" in result.stderr
