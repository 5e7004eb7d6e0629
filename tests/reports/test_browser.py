"""The report in a browser, from disk."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports.colours import positive_png, signed_png
from tasks.tables.storage import RunFolder
from tests.reports.charts import read_charts
from tests.reports.chromium import NEEDS_CHROMIUM, open_chromium
from tests.reports.drawn_maps import drawn_values, rgba
from tests.reports.small_run import CLASSES, SmallRun
from tests.reports.unit_numbers import CHANNELS, DEAD, TARGET

PAGES = (
    "index.html", "mistakes-1.html", "unread.html", "faithfulness.html", "classes/1.html",
    "classes/3.html", "background.html", "strips-1.html", "leaning-1.html", "contexts.html",
    "limits.html", "localization.html", "patterns.html", "patterns/1.html", "layers/0.html",
    "layers/1.html", "summary.html", "differences.html",
)  # fmt: skip

LOAD_ALL = """
const done = arguments[0], images = [...document.images];
images.forEach((image) => { image.loading = "eager"; });
Promise.allSettled(images.map((image) => image.decode())).then(
  () => done(images.filter((image) => !image.naturalWidth).map((image) => image.src)));
"""

PIXELS = """
return [...document.querySelectorAll("canvas[data-map]")].map((canvas) => [canvas.dataset.map,
  [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data]]);
"""

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def open_page(browser: Any, report: Path, name: str, width: int = 1400) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    browser.get("about:blank")  # another hash alone would not load the page again
    page, _, hash_ = name.partition("#")
    browser.get((report / page).as_uri() + (f"#{hash_}" if hash_ else ""))


def requested(browser: Any, report: Path) -> list[str]:
    """What the report's pages asked for; the browser's own start page asks for more."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
    ours = [event for event in sent if event["documentURL"].startswith(report.as_uri())]
    return [event["request"]["url"] for event in ours]


@pytest.mark.parametrize("name", PAGES)
def test_page_needs_nothing_but_its_folder(browser: Any, report: Path, name: str) -> None:
    browser.get_log("browser")
    browser.get_log("performance")
    open_page(browser, report, name)
    assert browser.execute_async_script(LOAD_ALL) == []
    urls = requested(browser, report)
    assert (report / name).as_uri() in urls
    assert [url for url in urls if not url.startswith((report.as_uri(), "data:"))] == []
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("name", ["mistakes-1.html", "classes/1.html", "patterns/1.html"])
def test_maps_are_drawn_as_pictures_of_them_would_be(browser: Any, report: Path, name: str) -> None:
    """The colour that is added to what lies below, as a canvas keeps colours times opacity."""
    open_page(browser, report, name)
    drawn = browser.execute_script(PIXELS)
    assert drawn
    for data, pixels in drawn:
        kind, values = drawn_values(data)
        png = (signed_png if kind == "signed" else positive_png)(np.float32(values), 1.0)
        wanted = rgba(png)
        found = np.array(pixels, dtype=float).reshape(wanted.shape)
        laid = [p[..., :3] * p[..., 3:] / 255 for p in (found, wanted)]
        assert np.abs(laid[0] - laid[1]).max() <= 6
        assert np.abs(laid[0] - laid[1]).mean() <= 1


@pytest.mark.parametrize("name", PAGES)
def test_page_fits_a_telephone(browser: Any, report: Path, name: str) -> None:
    open_page(browser, report, name, width=390)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390


def test_table_sorts_by_a_click_on_its_heading(browser: Any, report: Path, run: SmallRun) -> None:
    open_page(browser, report, "index.html")

    def column() -> list[str]:
        cells = browser.find_elements("css selector", "#class-table tbody td:nth-child(2)")
        return [cell.text for cell in cells]

    heading = browser.find_element("css selector", "#class-table th:nth-child(2)")
    heading.find_element("tag name", "button").click()
    expected = sorted((row["images"] for row in run.rows["class_stats"]), reverse=True)
    assert column() == [str(images) for images in expected]
    assert heading.get_attribute("aria-sort") == "descending"
    heading.find_element("tag name", "button").click()
    assert column() == [str(images) for images in reversed(expected)]
    assert heading.get_attribute("aria-sort") == "ascending"


def test_missing_values_sort_last_both_ways(browser: Any, report: Path) -> None:
    open_page(browser, report, "index.html")
    button = browser.find_element("css selector", "#class-table th:nth-child(3) button")
    for _ in range(2):
        button.click()
        last = browser.find_element("css selector", "#class-table tbody tr:last-child th")
        assert last.text == "quince"


def test_search_finds_a_class(browser: Any, report: Path) -> None:
    open_page(browser, report, "index.html")
    browser.find_element("css selector", "input[type=search]").send_keys("SCRIPT")
    rows = browser.find_elements("css selector", "#class-table tbody tr")
    found = [row for row in rows if row.is_displayed()]
    assert len(found) == 1
    assert found[0].text.startswith("<script>")


def unit_cells(browser: Any, column: int) -> list[str]:
    cells = browser.find_elements("css selector", f"#unit-table tbody tr > :nth-child({column})")
    return [cell.text.split()[-1] for cell in cells]


def test_units_sort_by_selectivity_and_missing_ones_stay_last(
    browser: Any, report: Path, run: SmallRun
) -> None:
    stats = RunFolder(run.folder).dataset("unit_stats").to_table().to_pylist()
    known = {
        row["unit"]: row["selectivity"]
        for row in stats
        if row["target_layer"] == TARGET and row["selectivity"] is not None
    }
    open_page(browser, report, "layers/0.html")
    assert [int(text) for text in unit_cells(browser, 1)[:DEAD]] == list(range(DEAD))
    button = browser.find_element("css selector", "#unit-table th:nth-child(3) button")
    for descending in (True, False):
        button.click()
        expected = sorted(known, key=lambda unit: known[unit], reverse=descending)
        found = unit_cells(browser, 1)
        assert found[:-1] == [str(unit) for unit in expected]
        assert unit_cells(browser, 3)[-1] == "–"


def test_units_are_found_by_class_by_number_and_by_kind(browser: Any, report: Path) -> None:
    from selenium.webdriver.support.ui import Select

    open_page(browser, report, "layers/0.html")
    search = browser.find_element("id", "unit-search")
    search.send_keys("unit 11")
    assert unit_cells(browser, 1) == ["11"]
    search.clear()
    search.send_keys("<SCRIPT>alert")
    shown = browser.find_elements("css selector", "#unit-table tbody tr")
    assert 0 < len(shown) < CHANNELS
    assert any(CLASSES[1] in row.text for row in shown)
    search.clear()
    search.send_keys("nothing is called that")
    assert unit_cells(browser, 1) == []
    assert browser.find_element("id", "unit-status").text.startswith("0 of 12 units")
    search.clear()
    search.send_keys(" ")
    Select(browser.find_element("id", "unit-kind")).select_by_value("dead")
    assert browser.find_element("css selector", "#unit-table tbody th").text == f"{DEAD} dead"
    Select(browser.find_element("id", "unit-kind")).select_by_value("driven")
    assert unit_cells(browser, 1) == ["2"]


@pytest.mark.parametrize("width", [1400, 390])
def test_a_link_to_a_unit_opens_it_with_its_crops(browser: Any, report: Path, width: int) -> None:
    open_page(browser, report, "layers/0.html#unit-2", width)
    button = browser.find_element("css selector", "#unit-table tbody button")
    assert button.text.endswith("2")
    assert button.get_attribute("aria-expanded") == "true"
    assert browser.execute_async_script(LOAD_ALL) == []
    opened = browser.find_element("css selector", "tr.opened")
    assert len(opened.find_elements("css selector", ".crop img")) == 9
    assert "Rises over mistakes driven by the background" in opened.text
    assert opened.find_element("css selector", "svg.found rect").is_displayed()
    for image in opened.find_elements("css selector", "img"):
        assert image.rect["x"] + image.rect["width"] <= width
    button.click()
    assert not browser.find_elements("css selector", "tr.opened")


def test_link_of_a_pair_leads_to_its_cases(browser: Any, report: Path, run: SmallRun) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    open_page(browser, report, "index.html")
    browser.find_element("css selector", "a[href*='#pair=1-3']").click()
    cases = browser.find_elements("css selector", "article.case")
    shown = [case for case in cases if case.is_displayed()]
    wrong = [r for r in run.rows["predictions"] if (r["label"], r["predicted"]) == (1, 3)]
    assert len(shown) == len(wrong)
    assert all(CLASSES[1] in case.text for case in shown)
    assert browser.find_element("id", "pair-status").text == f"{len(wrong)} on this page."
    browser.find_element("id", "pair-clear").click()
    # The page answers to the address, which changes after the click has returned.
    WebDriverWait(browser, 20).until(lambda _: all(case.is_displayed() for case in cases))


def test_opacity_of_maps_follows_the_keyboard(browser: Any, report: Path) -> None:
    open_page(browser, report, "mistakes-1.html")
    slider = browser.find_element("id", "opacity")
    layer = browser.find_element("css selector", ".stack .map")
    slider.send_keys("\ue010")  # End
    assert layer.value_of_css_property("opacity") == "1"
    slider.send_keys("\ue011")  # Home
    assert layer.value_of_css_property("opacity") == "0"
    assert browser.find_element("id", "opacity-value").text == "0 %"


def test_outlines_can_be_hidden(browser: Any, report: Path) -> None:
    open_page(browser, report, "mistakes-1.html")
    outline = browser.find_element("css selector", ".outline")
    assert outline.is_displayed()
    browser.find_element("id", "outlines").click()
    assert not outline.is_displayed()


def test_first_tab_stop_skips_to_the_content(browser: Any, report: Path) -> None:
    open_page(browser, report, "index.html")
    browser.switch_to.active_element.send_keys("\ue004")  # Tab
    assert browser.switch_to.active_element.text == "Skip to the content"


DRAWN = """
return [...document.querySelectorAll("figure.chart")].map(({chart, children}) => ({
  data: chart.data, strokes: chart.series.slice(1).map((one) => one.stroke(chart)),
  range: [chart.scales.x.min, chart.scales.x.max, chart.scales.y.min, chart.scales.y.max],
  open: [...children].some((child) => child.open),
}));
"""


@pytest.mark.parametrize("name", ["faithfulness.html", "localization.html"])
def test_charts_draw_the_numbers_of_their_tables(browser: Any, report: Path, name: str) -> None:
    open_page(browser, report, name, width=390)
    tables = read_charts(report / name)
    drawn = browser.execute_script(DRAWN)
    for table, chart in zip(tables, drawn, strict=True):
        assert chart["data"] == [table.places, *reversed(table.lines.values())]
        assert chart["range"] == [0, 100, 0, table.top] and not chart["open"]
    legend = browser.find_elements("css selector", ".lines li")
    strokes = {
        item.text: item.find_element("css selector", ".line").value_of_css_property("stroke")
        for item in legend
    }
    assert dict(zip(reversed(tables[0].lines), drawn[0]["strokes"], strict=True)) == strokes
