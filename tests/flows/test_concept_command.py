"""`camaudit concept` as a user calls it: the page, the tables, and plain errors."""

import json
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import average_precision_score
from typer.testing import CliRunner, Result

from flows.cli import app
from tasks.tables.storage import RunFolder
from tests.reports.page import Page
from tests.tasks.marked_audit import MARKED, marked_audit


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return marked_audit(tmp_path_factory.mktemp("marked"))


def call(run: RunFolder, *flags: str) -> Result:
    return CliRunner().invoke(app, ["concept", str(run.root), *flags])


@pytest.fixture(scope="module")
def out(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page") / "out"
    result = call(run, "--positives", "mark=red", "--shown", "5", "--out", str(folder))
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == str(folder / "index.html")
    facts = json.loads((folder / "concept.json").read_text())
    assert f"average precision {100 * facts['average_precision']:.1f} %" in result.stdout
    return folder


def test_what_is_written_agrees(out: Path) -> None:
    facts = json.loads((out / "concept.json").read_text())
    scores = pq.read_table(out / "scores.parquet").to_pandas()
    held = scores[scores["split"] == "held_out"]
    expected = average_precision_score(held["positive"], held["score"])
    assert facts["average_precision"] == pytest.approx(expected)
    assert facts["base_rate"] == held["positive"].mean()
    page = Page(out / "index.html")
    assert f"{100 * expected:.1f} %" in page.text
    assert f"{int(held['positive'].sum())} of {len(held)} held-out images" in page.text
    best = held[held["positive"]].sort_values("score", ascending=False)["score"].iloc[0]
    assert f"score {best:+.2f}" in page.text
    assert (out / "view.json").is_file() and (out / "weights.parquet").is_file()


def test_every_link_stays_in_the_folder(out: Path) -> None:
    page = Page(out / "index.html")
    targets = [tag.get("href") or tag.get("src") or "" for _, tag in page.tags]
    files = [target for target in targets if target and not target.startswith(("#", "data:"))]
    assert len(files) > 10
    assert all((out / file).is_file() for file in files)


def test_red_is_where_the_map_is_positive(out: Path) -> None:
    scores = pq.read_table(out / "scores.parquet").to_pandas()
    held = scores[(scores["split"] == "held_out") & scores["positive"]]
    best = held.sort_values("score", ascending=False)["image_id"].iloc[0]
    rows = pq.read_table(out / "maps.parquet").to_pandas().set_index("image_id")
    cells = np.reshape(rows.loc[best, "map"], (rows.loc[best, "rows"], rows.loc[best, "cols"]))
    picture = next(tag["src"] for tag in Page(out / "index.html").all("img")
                   if tag.get("class") == "map")  # fmt: skip
    drawn = cv2.imread(str(out / picture), cv2.IMREAD_UNCHANGED).astype(int)
    size = drawn.shape[0] // len(cells)
    row, col = np.unravel_index(cells.argmax(), cells.shape)
    blue, _, red, opacity = drawn[row * size + size // 2, col * size + size // 2]
    assert red > blue + 60 and opacity > 100


def test_a_second_call_takes_the_place_of_the_first(run: RunFolder, tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("\n".join(str(i) for i in range(MARKED)))
    for _ in range(2):
        result = call(run, "--positives", str(ids), "--rounds", "1")
        assert result.exit_code == 0, result.output
    page = Page(run.root / "concept" / "index.html")
    assert "Concept ids A linear SVM" in page.text and str(ids) in page.text
    assert json.loads((run.root / "concept" / "concept.json").read_text())["rounds"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--positives", "mark=blue"], ["'blue' is unknown", "'red'"]),
        (["--positives", "nothing.txt"], ["neither a file nor COLUMN=VALUE"]),
        (["--positives", "mark=red", "--c", "-1"], ["c: expected a number above 0"]),
        (["--positives", "mark=red", "--device", "tpu"], ["expected auto, cpu or cuda"]),
        (["--positives", "mark=red", "--out", "/proc/version"], ["is a file"]),
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
    result = call(RunFolder(tmp_path), "--positives", "a=b")
    assert result.exit_code == 1 and "not the folder of an audit" in result.stderr
