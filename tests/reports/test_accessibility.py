"""What axe-core finds on the pages, in both colour schemes and at both widths."""

from pathlib import Path
from typing import Any

import pytest

from tests.reports.page import Page
from tests.reports.test_browser import PAGES, browser, open_page, pytestmark
from tests.reports.test_diff_page import page, two

__all__ = ["browser", "page", "pytestmark", "two"]
AXE = Path(__file__).parents[1] / "vendor" / "axe-core" / "axe.min.js"
RUN = """
const done = arguments[0];
axe.run(document, {resultTypes: ["violations"]}).then((found) => done(found.violations
  .filter((rule) => rule.impact === "serious" || rule.impact === "critical")
  .flatMap((rule) => rule.nodes.map(
    (node) => `${rule.id}: ${node.target.join(" ")}: ${node.failureSummary}`))));
"""
# An address that chooses and opens is answered by a script, some time after the page has come.
CHOSEN = {
    "images.html": "#results .thumb",
    "images.html#view=table&answer=mistake": "#results td",
    "images.html#image=3": '[data-part="picture"] canvas',
}


@pytest.fixture(params=[("light", 1400), ("dark", 390)], ids=["light-1400", "dark-390"])
def shown(browser: Any, request: pytest.FixtureRequest) -> tuple[Any, int]:
    """The browser in one colour scheme, and a width."""
    scheme, width = request.param
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    return browser, width


def serious(browser: Any) -> list[str]:
    browser.execute_script(AXE.read_text())
    return browser.execute_async_script(RUN)


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(shown: tuple[Any, int], report: Path, name: str) -> None:
    browser, width = shown
    open_page(browser, report, name, width=width)
    assert serious(browser) == []


@pytest.mark.parametrize("name", CHOSEN)
def test_axe_finds_nothing_serious_in_the_explorer(
    shown: tuple[Any, int], report: Path, name: str
) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    browser, width = shown
    open_page(browser, report, name, width=width)
    WebDriverWait(browser, 30).until(
        lambda driver: driver.find_elements("css selector", CHOSEN[name])
    )
    assert serious(browser) == []


@pytest.mark.parametrize("name", ["faithfulness.html", "localization.html"])
def test_axe_finds_nothing_serious_in_the_numbers_of_charts(
    shown: tuple[Any, int], report: Path, name: str
) -> None:
    browser, width = shown
    open_page(browser, report, name, width=width)
    browser.execute_script(
        "for (const one of document.querySelectorAll('details')) one.open = true"
    )
    assert serious(browser) == []


def test_axe_finds_nothing_serious_in_a_difference(shown: tuple[Any, int], page: Page) -> None:
    browser, width = shown
    open_page(browser, page.file.parent, "index.html", width=width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert serious(browser) == []
