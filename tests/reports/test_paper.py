"""The audit on one sheet of paper."""

import re
from pathlib import Path

import pytest

from reports.paper import print_summary
from tasks.errors import AuditError
from tests.reports.chromium import NEEDS_CHROMIUM
from tests.reports.page import Page


@pytest.mark.browser
@NEEDS_CHROMIUM[1]
def test_it_is_one_page_of_a4(report: Path, tmp_path: Path) -> None:
    out = tmp_path / "mail" / "audit.pdf"
    print_summary(report, out)
    content = out.read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", content)) == 1
    (box,) = re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", content)
    assert [round(float(side) / 72 * 25.4) for side in box] == [210, 297]
    assert [file.name for file in out.parent.iterdir()] == ["audit.pdf"]


def test_it_tells_what_the_overview_tells(report: Path) -> None:
    sheet, overview = Page(report / "summary.html").text, Page(report / "index.html").text
    (accuracy,) = re.findall(r"Accuracy ([\d.]+ % \[[\d., ]+\] of \d+ images)", overview)
    (worst,) = re.findall(r"It errs most often on .+? images\.", overview)
    assert accuracy in sheet and worst in sheet


def test_without_a_browser_it_says_what_to_do(
    report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AuditError, match=r"expected one of chromium, .* got none. Install"):
        print_summary(report, tmp_path / "a.pdf")


def test_a_browser_that_fails_is_told_and_leaves_nothing(
    report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    browser = tmp_path / "bin" / "chromium"
    browser.write_text("#!/bin/sh\necho 'no display' >&2\nexit 3\n")
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", f"{browser.parent}:/bin:/usr/bin")
    with pytest.raises(AuditError, match=r"printed no PDF of .*\(exit 3\): no display"):
        print_summary(report, tmp_path / "out" / "a.pdf")
    assert not list((tmp_path / "out").iterdir())


def test_an_older_report_has_no_such_page(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match=r"summary\.html is missing; expected the report of this"):
        print_summary(tmp_path, tmp_path / "a.pdf")
