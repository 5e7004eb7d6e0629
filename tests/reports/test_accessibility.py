"""What axe-core finds on the pages, in both colour schemes and at both widths."""

from pathlib import Path
from typing import Any

import pytest

from tests.reports.test_browser import PAGES, browser, open_page, pytestmark

__all__ = ["browser", "pytestmark"]
AXE = Path(__file__).parents[1] / "vendor" / "axe-core" / "axe.min.js"
RUN = """
const done = arguments[0];
axe.run(document, {resultTypes: ["violations"]}).then((found) => done(found.violations
  .filter((rule) => rule.impact === "serious" || rule.impact === "critical")
  .flatMap((rule) => rule.nodes.map(
    (node) => `${rule.id}: ${node.target.join(" ")}: ${node.failureSummary}`))));
"""


@pytest.mark.parametrize("scheme, width", [("light", 1400), ("dark", 390)])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(
    browser: Any, report: Path, name: str, scheme: str, width: int
) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    open_page(browser, report, name, width=width)
    browser.execute_script(AXE.read_text())
    assert browser.execute_async_script(RUN) == []
