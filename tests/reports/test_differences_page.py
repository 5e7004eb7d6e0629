"""The page of differences lists what lies beside the report."""

import json
import os
import shutil
from pathlib import Path

import pytest

from reports.build import build_report
from reports.redraw import redraw_pages_of_run
from tests.reports.page import Page
from tests.reports.small_run import SmallRun, write_small_run


@pytest.fixture
def run(tmp_path: Path) -> SmallRun:
    made = write_small_run(tmp_path)
    build_report(made.folder)
    return made


def view(folder: Path, **facts: object) -> None:
    folder.mkdir()
    (folder / "index.html").write_text("a page")
    (folder / "view.json").write_text(json.dumps(facts))


def test_without_any_it_says_how_to_make_one(run: SmallRun) -> None:
    text = Page(run.folder / "report" / "differences.html").text
    assert "camaudit diff EARLIER run holds this audit against an earlier one" in text


def test_views_are_listed_and_the_earlier_runs_page_is_not_written_into(run: SmallRun) -> None:
    report = run.folder / "report"
    shutil.copytree(report, report.with_name("linked"), copy_function=os.link)
    before = (report / "differences.html").read_text()
    view(run.folder / "diff", kind="diff", title="b against <a>", headlines=["It lost & won."])
    view(run.folder / "objects", kind="objects", title="Objects in the scenes")
    view(run.folder / "broken", kind="diff", title="half of one")
    (run.folder / "broken" / "index.html").unlink()
    redraw_pages_of_run(run.folder)
    page = Page(report / "differences.html")
    links = [tag["href"] for tag in page.all("a") if tag["href"].startswith("../")]
    assert links == ["../diff/index.html", "../objects/index.html"]
    assert all((report / link).resolve().is_file() for link in links)
    assert "b against <a> It lost & won." in page.text and "half of one" not in page.text
    assert (report.with_name("linked") / "differences.html").read_text() == before


def test_without_a_report_nothing_is_drawn(run: SmallRun) -> None:
    shutil.rmtree(run.folder / "report")
    redraw_pages_of_run(run.folder)
    assert not (run.folder / "report").exists()
