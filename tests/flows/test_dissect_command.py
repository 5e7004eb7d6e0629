"""`camaudit dissect` and `camaudit objects` as a user calls them: pages, tables, plain errors."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from reports.build import build_report
from tasks.tables.storage import RunFolder
from tests.reports.page import Page
from tests.tasks.marked_audit import marked_audit
from tests.tasks.named_scenes import scene_audit, scenes
from tests.tasks.test_informative_objects import label

IMAGES = 18


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    things = scenes(IMAGES)
    labels = [label(each) for each in things]
    return scene_audit(tmp_path_factory.mktemp("run"), things, named=IMAGES, labels=labels)


def call(command: str, run: RunFolder, *flags: str) -> Result:
    return CliRunner().invoke(app, [command, str(run.root), *flags])


@pytest.fixture(scope="module")
def dissected(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page") / "out"
    result = call("dissect", run, "--top-share", "0.02", "--shown", "3", "--out", str(folder))
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == str(folder / "index.html")
    units = json.loads((folder / "dissection.json").read_text())["units"]
    assert f"{units['detectors']} of 6 units answer to a named object" in result.stdout
    return folder


def test_the_page_of_units_agrees_with_its_tables(dissected: Path) -> None:
    page = Page(dissected / "index.html")
    units = pq.read_table(dissected / "units.parquet").to_pylist()
    assert [row["unit"] for row in units] == list(range(6))
    for row in units:
        name = f"{row['unit']} {row['label']}" if row["label"] else str(row["unit"])
        cells = page.row(name)
        assert cells[2:5] == [f"{row[k]:.3f}" for k in ("iou", "chance_iou", "iou_within")]
        if row["label"] is None and row["concept"]:
            assert cells[1] == f"{row['concept']}, no label"
    for row in pq.read_table(dissected / "concepts.parquet").to_pylist():
        cells = page.row(row["concept"])
        assert cells[1:3] == [str(row["units"]), str(row["images"])]
        assert cells[6:] == [f"{row['best_iou']:.3f}", str(row["best_unit"])]
    scores = pq.read_table(dissected / "scores.parquet").to_pandas()
    assert (scores["iou"] * scores["union"]).round(6).tolist() == scores["intersection"].tolist()
    best = max((row for row in units if row["label"]), key=lambda row: row["iou"])
    assert f"Unit {best['unit']}: {best['label']}" in page.text
    assert len([tag for tag in page.all("svg") if "region" in tag["class"]]) >= 6


def test_the_page_of_objects_agrees_with_its_table(run: RunFolder, tmp_path: Path) -> None:
    result = call("objects", run, "--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    assert "red disc covered in 100.0 %" in result.stdout
    page = Page(tmp_path / "out" / "index.html")
    facts = json.loads((tmp_path / "out" / "objects.json").read_text())
    assert f"Over {facts['images']['used']} rightly predicted images" in page.text
    rows = pq.read_table(tmp_path / "out" / "objects.parquet").to_pylist()
    assert len(rows) >= 4
    for row in rows:
        share = f"{100 * row['rate']:.1f} % [{100 * row['rate_low']:.1f}, "
        counts = f"{row['overlapped']} of {row['with_object']}"
        text = f"{share}{100 * row['rate_high']:.1f}] {counts}"
        assert text.replace("-", "−") in page.text
    links = [tag.get("href") or tag.get("src") or "" for _, tag in page.tags]
    files = [each for each in links if each and not each.startswith(("#", "data:"))]
    assert files and all((tmp_path / "out" / file).is_file() for file in files)


def test_the_pages_of_patterns_tell_the_objects_once_they_are_counted(
    tmp_path: Path,
) -> None:
    things = scenes(IMAGES)
    labels = [label(each) for each in things]
    run = scene_audit(tmp_path / "run", things, named=IMAGES, labels=labels)
    report = build_report(run.root).parent
    assert "camaudit objects RUN counts which of them" in Page(report / "patterns" / "0.html").text
    assert call("objects", run).exit_code == 0
    rows = run.dataset("informative_objects").to_table().to_pylist()
    assert rows == pq.read_table(run.root / "objects" / "objects.parquet").to_pylist()
    for class_idx in (0, 1):
        page = Page(report / "patterns" / f"{class_idx}.html")
        own = [row for row in rows if row["class_idx"] == class_idx]
        assert own
        for row in own:
            sources = {"masks": row["mask_images"], "boxes": row["box_images"]}
            kinds = [kind for kind, images in sources.items() if images]
            cells = page.row(f"{row['object']}{' and '.join(kinds)}")
            assert f"{row['overlapped']} of {row['with_object']}" in cells[1]
            assert f"elsewhere {100 * row['frequency_elsewhere']:.1f} %" in cells[5]


def test_links_stay_in_the_folder(dissected: Path) -> None:
    page = Page(dissected / "index.html")
    links = [tag.get("href") or tag.get("src") or "" for _, tag in page.tags]
    files = [each for each in links if each and not each.startswith(("#", "data:"))]
    assert len(files) > 10 and all((dissected / file).is_file() for file in files)


@pytest.mark.parametrize("command", ["dissect", "objects"])
def test_a_second_call_takes_the_place_of_the_first(run: RunFolder, command: str) -> None:
    for _ in range(2):
        assert call(command, run).exit_code == 0
    folder = {"dissect": "dissection", "objects": "objects"}[command]
    assert (run.root / folder / "view.json").is_file()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["dissect", "--top-share", "0"], "top_share: expected above 0"),
        (["dissect", "--iou", "2"], "iou: expected 0 or more"),
        (["dissect", "--device", "tpu"], "expected auto, cpu or cuda"),
        (["dissect", "--out", "/proc/version"], "is a file"),
        (["objects", "--share", "0"], "share: expected above 0"),
        (["objects", "--covered", "7"], "covered: expected above 0"),
        (["objects", "--lenders", "0"], "lenders: expected 1 or more"),
        (["objects", "--out", "/proc/version"], "is a file"),
    ],
)
def test_a_mistake_is_told_and_nothing_written(
    run: RunFolder, flags: list[str], words: str
) -> None:
    before = sorted(run.root.rglob("*"))
    result = call(flags[0], run, *flags[1:])
    assert result.exit_code == 1 and "Traceback" not in result.output
    assert words in result.stderr
    assert sorted(run.root.rglob("*")) == before


def test_without_names_it_says_what_is_needed(tmp_path: Path) -> None:
    run = marked_audit(tmp_path)
    for command in ("dissect", "objects"):
        result = call(command, run)
        assert result.exit_code == 1
        assert "no object is named" in result.stderr and "'box_names'" in result.stderr
    result = call("dissect", RunFolder(tmp_path / "none"))
    assert result.exit_code == 1 and "not the folder of an audit" in result.stderr
