"""The report as a whole: hostile names, missing pieces, and runs of other kinds."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from reports import build
from reports.build import build_report
from reports.site import dataset_name, model_name
from tasks.errors import AuditError
from tests.reports.page import Page
from tests.reports.small_run import CLASSES, NAMES, SmallRun, write_small_run


def test_names_are_text_and_never_markup(report: Path) -> None:
    seen = ""
    for file in report.rglob("*.html"):
        page = Page(file)
        seen += page.text
        scripts = page.all("script")
        if file.name != "images.html":
            charts = file.name in ("faithfulness.html", "localization.html")
            assert len(scripts) == 5 + 2 * charts + (file.parent.name == "layers")
        assert all(script["src"].endswith(".js") for script in scripts)
        assert all(not tag for tag in page.all("b"))
        assert not any(key.startswith("on") for _, tag in page.tags for key in tag)
    assert CLASSES[1] in seen
    assert "no <read> & so on" in seen
    alts = [image["alt"] for image in Page(report / "mistakes-1.html").all("img")]
    assert any(CLASSES[1] in alt for alt in alts)
    assert any(NAMES[1] in alt for alt in alts)


def test_files_are_named_by_numbers(report: Path) -> None:
    pictures = [f for f in report.rglob("*") if f.suffix in (".jpg", ".png", ".webp")]
    named = [file.stem for file in pictures if file.parent.name != "assets"]
    assert named
    assert all(name.isdigit() for name in named)


def test_every_link_leads_somewhere(report: Path) -> None:
    for file in report.rglob("*.html"):
        for tag, attributes in Page(file).tags:
            target = attributes.get("href") or attributes.get("src") or ""
            if not target or target.startswith(("#", "data:")):
                continue
            assert "://" not in target, (file, tag)
            assert (file.parent / target.split("#")[0]).is_file(), (file, target)


def test_note_stands_on_every_page(report: Path) -> None:
    assert all("Synthetic & small." in Page(file).text for file in report.rglob("*.html"))


def test_missing_image_leaves_its_map(tmp_path: Path) -> None:
    run = write_small_run(tmp_path)
    mistake = next(row for row in run.rows["predictions"] if not row["correct"])
    Path(run.rows["manifest"][mistake["image_id"]]["uri"]).unlink()
    folder = build_report(run.folder).parent
    page = Page(folder / "mistakes-1.html")
    assert "image cannot be read: map alone" in page.text
    assert not (folder / "images" / f"{mistake['image_id']}.jpg").exists()
    alone = [c for c in page.all("canvas") if c.get("aria-label", "").endswith(", alone")]
    assert [c["data-map"].split()[0] for c in alone] == ["signed", "positive", "positive"]


def test_without_labels_no_accuracy_is_claimed(tmp_path: Path) -> None:
    folder = build_report(write_small_run(tmp_path, labelled=False).folder).parent
    page = Page(folder / "index.html")
    assert "no image has a label" in page.text
    assert "nan" not in page.text
    assert page.row("apple")[1] == "14"
    assert not list(folder.glob("mistakes-*"))
    assert "Most confident" in Page(folder / "classes" / "0.html").text


def test_without_mistakes_there_is_no_page_of_them(tmp_path: Path) -> None:
    folder = build_report(write_small_run(tmp_path, mistakes=False).folder).parent
    assert "all 40 labelled images were classified correctly" in Page(folder / "index.html").text
    assert not list(folder.glob("mistakes-*"))


def test_optional_facts_may_be_missing(tmp_path: Path) -> None:
    run = write_small_run(tmp_path)
    (run.folder / "first_pass.json").unlink()
    file = run.folder / "audit.json"
    audit = json.loads(file.read_text())
    kept = {"preprocessing": {"resize": 128, "crop": 112}, "config": {"images": "x", "model": "m"}}
    file.write_text(json.dumps({"schema_version": 1, "classes": audit["classes"], **kept}))
    assert "Audit of m" in Page(build_report(run.folder)).text


def test_a_new_report_replaces_the_earlier_one(run: SmallRun, tmp_path: Path) -> None:
    folder = shutil.copytree(run.folder, tmp_path / "run")
    report = build_report(folder).parent
    (report / "left-over.html").write_text("of an earlier version")
    before = sorted(f.name for f in folder.iterdir())
    assert build_report(folder) == folder / "report" / "index.html"
    assert not (report / "left-over.html").exists()
    assert sorted(f.name for f in folder.iterdir()) == before


def test_an_interrupted_build_leaves_the_earlier_report(
    run: SmallRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(run.folder, tmp_path / "run")
    index = build_report(folder)
    before = index.read_text()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(build, "write_unread_page", interrupt)
    with pytest.raises(KeyboardInterrupt):
        build_report(folder)
    assert index.read_text() == before
    assert not list(folder.glob(".report*"))


def test_what_a_killed_build_left_is_cleared(run: SmallRun, tmp_path: Path) -> None:
    folder = shutil.copytree(run.folder, tmp_path / "run")
    (folder / ".report.tmp-999999999").mkdir()
    build_report(folder)
    assert not list(folder.glob(".report*"))


def test_unfinished_audit_says_what_to_do(run: SmallRun, tmp_path: Path) -> None:
    folder = shutil.copytree(run.folder, tmp_path / "run")
    shutil.rmtree(folder / "tables" / "class_stats")
    with pytest.raises(AuditError, match=r"class_stats.*Run the same"):
        build_report(folder)


def test_a_table_of_an_earlier_version_says_what_to_do(run: SmallRun, tmp_path: Path) -> None:
    folder = shutil.copytree(run.folder, tmp_path / "run")
    file = folder / "tables" / "images" / "merged.parquet"
    pq.write_table(pq.read_table(file).drop_columns(["uri"]), file)
    with pytest.raises(AuditError, match=r"images.*lacks uri.*Run the same"):
        build_report(folder)


def test_folder_without_audit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="not the folder of an audit"):
        build_report(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("audit", "name"),
    [
        ({"model": {"name": "torchvision:resnet18"}}, "torchvision:resnet18"),
        ({"config": {"model": "/home/me/nets/model.py:build"}}, "model.py:build"),
        ({}, "the model"),
    ],
)
def test_model_is_named_without_its_folders(audit: dict[str, Any], name: str) -> None:
    assert model_name(audit) == name


def test_dataset_is_named_by_its_last_folder() -> None:
    assert dataset_name({"images": "/data/fruit/"}) == "fruit"
    assert dataset_name({"images": "s3://bucket/fruit/manifest.csv"}) == "fruit/manifest.csv"
    assert dataset_name({}) == ""
