"""`camaudit features` as a user calls it: the table, the page, and plain errors."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from tasks.statistics.intervals import wilson_interval
from tasks.tables.storage import RunFolder
from tests.reports.page import Page
from tests.tasks.zoomed_audit import IMAGES, zoomed_audit


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return zoomed_audit(tmp_path_factory.mktemp("zoomed"))


def call(run: RunFolder, *flags: str) -> Result:
    return CliRunner().invoke(app, ["features", str(run.root), *flags])


@pytest.fixture(scope="module")
def result(run: RunFolder) -> Result:
    return call(run, "--folds", "4")


def test_page_table_and_files_agree(run: RunFolder, result: Result) -> None:
    assert result.exit_code == 0, result.output
    out = run.root / "features"
    assert result.stdout.splitlines()[-1] == str((out / "index.html").resolve())
    facts = json.loads((out / "representation.json").read_text())
    answers = pq.read_table(out / "answers.parquet").to_pandas()
    page = Page(out / "index.html")
    assert len(facts["accuracies"]) == 9
    for told in facts["accuracies"]:
        own = answers[
            (answers["view"] == told["view"]) & (answers["classifier"] == told["classifier"])
        ]
        correct = int((own["predicted"] == own["label"]).sum())
        low, high = (100 * float(bound) for bound in wilson_interval(correct, IMAGES))
        numbers = f"{100 * correct / IMAGES:.1f} % [{low:.1f}, {high:.1f}]"
        assert f"{numbers} {correct} of {IMAGES}" in page.text
        assert f"{100 * correct / IMAGES:.1f} %" in result.stdout
        assert f"[{low:.1f}, {high:.1f}]" in result.stdout
    assert len(pq.read_table(out / "boxes.parquet")) == 2 * IMAGES
    assert "Right only on the crop" in page.text and "nan" not in page.text.lower().split()


def test_every_link_stays_in_the_folder(run: RunFolder, result: Result) -> None:
    page = Page(run.root / "features" / "index.html")
    targets = [tag.get("href") or tag.get("src") or "" for _, tag in page.tags]
    files = [target for target in targets if target and not target.startswith(("#", "data:"))]
    assert len(files) > 4
    assert all((page.file.parent / file).is_file() for file in files)


def test_without_crops_no_image_is_read(run: RunFolder, tmp_path: Path) -> None:
    images = run.root.parent / "images"
    images.rename(tmp_path / "away")
    result = call(run, "--no-crops", "--folds", "4", "--out", str(tmp_path / "out"))
    gone = call(run, "--folds", "4", "--out", str(tmp_path / "other"))
    (tmp_path / "away").rename(images)
    assert result.exit_code == 0, result.output
    page = Page(tmp_path / "out" / "index.html")
    assert "Whole image" in page.text and "Cropped by the map" not in page.text
    assert gone.exit_code == 1 and "can no longer be read" in gone.stderr
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--folds", "1"], "folds: expected 2 or more"),
        (["--images", "3"], "Give more --images"),
        (["--c", "0"], "c: expected a number above 0"),
        (["--device", "tpu"], "expected auto, cpu or cuda"),
        (["--out", "/proc"], "holds no view of camaudit"),
    ],
)
def test_a_mistake_is_told_and_nothing_written(
    run: RunFolder, result: Result, flags: list[str], words: str
) -> None:
    before = sorted(run.root.rglob("*"))
    wrong = call(run, *flags)
    assert wrong.exit_code == 1 and "Traceback" not in wrong.output
    assert words in wrong.stderr, wrong.stderr
    assert sorted(run.root.rglob("*")) == before


def test_a_folder_that_is_no_audit(tmp_path: Path) -> None:
    wrong = call(RunFolder(tmp_path))
    assert wrong.exit_code == 1 and "not the folder of an audit" in wrong.stderr
