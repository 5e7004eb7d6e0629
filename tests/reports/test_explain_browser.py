"""The page of `camaudit explain` in a browser, from disk."""

from pathlib import Path
from typing import Any

import pytest

from reports.views.explain_page import write_explain_page
from tests.reports.test_browser import LOAD_ALL, browser, open_page, pytestmark, requested
from tests.reports.test_explain_page import explanation

__all__ = ["browser", "pytestmark"]  # fixture and marks, for pytest to find here


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("browsed") / "out"
    return write_explain_page(explanation("a/1.png", "b/1.png"), out).parent


def test_page_needs_nothing_but_its_folder(browser: Any, folder: Path) -> None:
    browser.get_log("browser")
    browser.get_log("performance")
    open_page(browser, folder, "index.html")
    assert browser.execute_async_script(LOAD_ALL) == []
    urls = requested(browser, folder)
    assert (folder / "index.html").as_uri() in urls
    assert [url for url in urls if not url.startswith((folder.as_uri(), "data:"))] == []
    assert browser.get_log("browser") == []


def test_page_fits_a_telephone(browser: Any, folder: Path) -> None:
    open_page(browser, folder, "index.html", width=390)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390


def test_slider_sets_the_opacity_of_maps(browser: Any, folder: Path) -> None:
    open_page(browser, folder, "index.html")
    opacity = browser.execute_script("""
        const slider = document.getElementById("opacity");
        slider.value = 40;
        slider.dispatchEvent(new Event("input"));
        return getComputedStyle(document.querySelector(".map")).opacity;
    """)
    assert float(opacity) == pytest.approx(0.4)
