"""The image explorer in a browser, from disk: what it shows, against the tables."""

import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from reports.build import build_report
from reports.colour_scale import choose_scales
from reports.colours import positive_png, signed_png
from reports.explorer.links import images_link
from reports.tables import load_tables
from tasks.images.geometry import place
from tasks.tables.storage import RunFolder
from tests.reports.chromium import NEEDS_CHROMIUM, open_chromium
from tests.reports.drawn_maps import rgba
from tests.reports.explorer_numbers import (
    CAMERAS,
    contexts_of,
    explanations,
    read_script,
    tags_of,
    write_explored_run,
)
from tests.reports.small_run import (
    CLASSES,
    EMPTY,
    GRID,
    NAMES,
    UNREADABLE,
    write_small_run,
)

ENTER, ESCAPE, LEFT, RIGHT, TAB = "\ue007", "\ue00c", "\ue012", "\ue014", "\ue004"

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report whose run has tags and clusters; one image has lost its file."""
    run = write_explored_run(tmp_path_factory.mktemp("explored"))
    Path(run.rows["manifest"][UNREADABLE]["uri"]).unlink()
    return build_report(run.folder).parent


@pytest.fixture(scope="module")
def facts(report: Path) -> pd.DataFrame:
    """All that the tables say of each image, by image_id."""
    run = RunFolder(report.parent)
    rows = run.dataset("predictions").to_table().to_pandas().set_index("image_id")
    verdicts = run.dataset("verdicts").to_table().to_pandas().set_index("image_id")
    rows = rows.join(verdicts[["verdict", "stratum"]])
    scores = run.dataset("background").to_table().to_pandas().set_index("image_id")
    manifest = run.dataset("manifest").to_table().to_pandas().set_index("image_id")
    rows = rows.join(scores[["score", "lift"]]).join(manifest[["uri"]]).sort_index()
    rows["camera"] = [dict(tags_of(i) or []).get("camera") for i in rows.index]
    rows["site"] = [dict(tags_of(i) or []).get("site") for i in rows.index]
    rows["contexts"] = [contexts_of(i) for i in rows.index]
    own = explanations(rows.reset_index().to_dict("records"))
    rows["explanation"] = [own[i] if i != 7 else -1 for i in rows.index]
    return rows


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def wait(browser: Any, condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.03)
    raise TimeoutError(browser.execute_script("return document.body.innerText.slice(0, 2000)"))


def settle(browser: Any) -> None:
    """Until lists and charts follow what is shown."""
    script = "return camaudit.explorer?.settled === location.hash"
    wait(browser, lambda: browser.execute_script(script))


def open_images(
    browser: Any, report: Path, link: str = "images.html", width: int = 1400, anew: bool = False
) -> None:
    """Follow a link; a page that is already open is loaded again only if asked to."""
    page, _, state = link.partition("#")
    address = (report / page).as_uri()
    loaded = browser.current_url.partition("#")[0] == address
    if loaded and not anew and browser.execute_script("return innerWidth") == width:
        browser.execute_script("location.hash = arguments[0]", state)
    else:
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )
        browser.get("about:blank")
        browser.get(address + (f"#{state}" if state else ""))
    settle(browser)


def by(browser: Any, selector: str) -> Any:
    return browser.find_element("css selector", selector)


def all_by(browser: Any, selector: str) -> list[Any]:
    return list(browser.find_elements("css selector", selector))


def shown(browser: Any) -> list[int]:
    """Image ids on the page, in order."""
    links = "document.querySelectorAll('#results a[data-image]')"
    script = f"return Array.from({links}, (link) => link.dataset.image)"
    return [int(image_id) for image_id in browser.execute_script(script)]


def choose(browser: Any, facet: str, value: str) -> None:
    from selenium.webdriver.support.ui import Select

    Select(by(browser, f'[data-facet="{facet}"]')).select_by_value(value)
    settle(browser)


def costly(rows: pd.DataFrame) -> list[int]:
    """Image ids by loss, the largest first; ties by id."""
    ordered = rows.assign(image=rows.index).sort_values(
        ["loss", "image"], ascending=[False, True], na_position="last"
    )
    return [int(image_id) for image_id in ordered.index]


LINKS: dict[str, tuple[dict[str, Any], Callable[[pd.DataFrame], Any]]] = {
    "class": ({"label": 1}, lambda f: f["label"] == 1),
    "pair": ({"label": 1, "predicted": 3}, lambda f: (f["label"] == 1) & (f["predicted"] == 3)),
    "answer": ({"answer": "mistake"}, lambda f: ~f["correct"].astype(bool)),
    "verdict": (
        {"verdict": "confirmed", "tested": "yes"},
        lambda f: (f["verdict"] == "confirmed") & f["stratum"].notna(),
    ),
    "score": ({"ranges": {"score": (0.4, 0.9)}}, lambda f: f["score"].between(0.4, 0.9)),
    "open range": ({"ranges": {"margin": (None, 1.5)}}, lambda f: f["margin"] <= 1.5),
    "tag": ({"tags": {"camera": CAMERAS[2]}}, lambda f: f["camera"] == CAMERAS[2]),
    "two tags": (
        {"tags": {"camera": CAMERAS[1], "site": "site 1"}},
        lambda f: (f["camera"] == CAMERAS[1]) & (f["site"] == "site 1"),
    ),
    "context": ({"context": 2}, lambda f: f["contexts"].map(lambda own: 2 in own)),
    "pattern": (
        {"explanation": "2.1"},
        lambda f: (f["predicted"] == 2) & (f["explanation"] == 1),
    ),
    "map": ({"map": "empty"}, lambda f: f.index == EMPTY),
    "nothing": ({"label": 0, "predicted": 0, "answer": "mistake"}, lambda f: f["label"] < 0),
    "a value that is nowhere": ({"tags": {"site": "moon"}}, lambda f: f["label"] < 0),
}  # fmt: skip


@pytest.mark.parametrize("name", LINKS)
def test_a_link_shows_the_rows_that_it_names(
    browser: Any, report: Path, facts: pd.DataFrame, name: str
) -> None:
    filters, passes = LINKS[name]
    open_images(browser, report, images_link(**filters))
    wanted = facts[passes(facts)]
    assert shown(browser) == costly(wanted)
    count = by(browser, "#count").text
    assert count == f"{len(wanted)} of {len(facts)} images"
    several = [filters.get(name, {}) for name in ("tags", "ranges")]
    number = sum(map(len, several)) + len(filters.keys() - {"tags", "ranges"})
    assert len(all_by(browser, "#chips button")) == number
    if wanted.empty:
        assert "No image passes" in by(browser, "#results").text


def test_filters_write_the_address_and_the_back_button_lifts_them(
    browser: Any, report: Path, facts: pd.DataFrame
) -> None:
    open_images(browser, report)
    assert shown(browser) == costly(facts)
    assert by(browser, "#count").text == f"All {len(facts)} images"
    choose(browser, "answer", "mistake")
    choose(browser, "label", "1")
    wrong = facts[~facts["correct"].astype(bool)]
    assert shown(browser) == costly(wrong[wrong["label"] == 1])
    assert browser.execute_script("return location.hash") == "#answer=mistake&label=1"
    # Of the other filter's rows each value says how many it would show.
    options = {
        o.get_attribute("value"): o.text for o in all_by(browser, '[data-facet="label"] option')
    }
    counts = wrong["label"].value_counts()
    assert options.pop("") == "all"
    assert options == {str(c): f"{CLASSES[c]} ({n})" for c, n in counts.items()}
    browser.back()
    settle(browser)
    assert shown(browser) == costly(wrong)
    by(browser, "#chips button").click()
    settle(browser)
    assert shown(browser) == costly(facts)


def test_search_takes_paths_classes_and_numbers_as_they_are(
    browser: Any, report: Path, facts: pd.DataFrame
) -> None:
    open_images(browser, report)
    field = by(browser, "#search")
    for text, wanted in (
        ("<SCRIPT>", facts[(facts["label"] == 1) | (facts["predicted"] == 1)]),
        (NAMES[2], facts[facts.index == 2]),
        ("#1?", facts[facts.index == 3]),
        ("29", facts[facts.index.isin([29]) | facts["uri"].str.contains("29")]),
        ("nowhere to be found", facts[:0]),
    ):
        field.clear()
        field.send_keys(text)
        settle(browser)
        assert shown(browser) == costly(wanted), text
    field.clear()
    field.send_keys(CLASSES[1])
    settle(browser)
    captions = by(browser, "#results").text
    assert CLASSES[1] in captions
    assert by(browser, "#chips").text.startswith(f"“{CLASSES[1]}”")


@pytest.mark.parametrize(
    "column, kind", [("loss", "number"), ("score", "number"), ("label", "class")]
)
def test_the_table_sorts_both_ways_with_missing_values_last(
    browser: Any, report: Path, facts: pd.DataFrame, column: str, kind: str
) -> None:
    open_images(browser, report, "images.html#view=table&sort=image_id")
    names = {"loss": "Loss", "score": "Background score", "label": "Label"}
    for direction in (
        ("descending", "ascending") if kind == "number" else ("ascending", "descending")
    ):
        headings = all_by(browser, "#results thead th")
        (heading,) = [th for th in headings if th.text.startswith(names[column])]
        heading.find_element("tag name", "button").click()
        settle(browser)
        (now,) = all_by(browser, "#results th[aria-sort]")
        assert now.get_attribute("aria-sort") == direction
        key = facts[column] if kind == "number" else facts["label"].map(RANKS)
        ordered = facts.assign(key=key, image=facts.index).sort_values(
            ["key", "image"], ascending=[direction == "ascending", True], na_position="last"
        )
        assert shown(browser) == ordered.index.tolist()


# As a reader of English sorts them: signs before letters.
RANKS = {1: 0, 0: 1, 2: 2, 3: 3}


def test_numbers_of_the_table_are_those_of_the_run(
    browser: Any, report: Path, facts: pd.DataFrame
) -> None:
    open_images(browser, report, "images.html#view=table")
    rows = browser.execute_script(
        "return [...document.querySelectorAll('#results tbody tr')]"
        ".map((row) => [...row.cells].map((cell) => cell.innerText))"
    )
    for image_id, cells in zip(shown(browser), rows, strict=True):
        own = facts.loc[image_id]
        assert cells[1:3] == [CLASSES[own["label"]], CLASSES[own["predicted"]]]
        score = own["score"]
        assert cells[4:6] == [
            f"{100 * own['probability']:.1f} %",
            f"{100 * score:.1f} %" if np.isfinite(score) else "–",
        ]
        assert cells[6] == f"{own['loss']:.2f}".replace("-", "−")


def test_a_range_is_typed_and_dragged(browser: Any, report: Path, facts: pd.DataFrame) -> None:
    from selenium.webdriver import ActionChains

    open_images(browser, report)
    low = by(browser, 'input[aria-label="Confidence, from %"]')
    low.send_keys("75" + ENTER)
    settle(browser)
    assert shown(browser) == costly(facts[facts["probability"] >= 0.75])
    said = by(browser, "#charts .histogram:first-child [role=img]").get_attribute("aria-label")
    kept = facts["probability"][facts["probability"] >= 0.75]
    medians = [100 * np.median(values) for values in (kept, facts["probability"])]
    wanted = "median {:.1f} %, of all {:.1f} %".format(*medians)
    assert said.endswith(wanted)
    by(browser, "#clear").click()
    settle(browser)
    over = by(browser, "#charts .histogram:nth-child(2) .u-over")
    half = over.size["width"] // 2
    ActionChains(browser).move_to_element_with_offset(over, 0, 0).click_and_hold().move_by_offset(
        half - 10, 2
    ).release().perform()
    state = wait(browser, lambda: browser.execute_script("return location.hash"))
    settle(browser)
    assert state.startswith("#score=0.")
    ends = [float(end) if end else np.inf for end in state.removeprefix("#score=").split("..")]
    assert shown(browser) == costly(facts[facts["score"].between(*ends)])


def test_pages_of_rows(browser: Any, report: Path, facts: pd.DataFrame) -> None:
    open_images(browser, report, anew=True)
    browser.execute_script("camaudit.results.PER_PAGE = 12; camaudit.explorer.shownFor = null")
    browser.execute_script("camaudit.explorer.render()")
    assert shown(browser) == costly(facts)[:12]
    by(browser, '#pager [aria-label="Last page"]').click()
    settle(browser)
    assert shown(browser) == costly(facts)[36:]
    assert by(browser, "#pager span").text == "page 4 of 4"
    browser.back()
    settle(browser)
    assert shown(browser) == costly(facts)[:12]
    browser.get("about:blank")


def test_the_viewer_goes_through_the_rows_by_keyboard(
    browser: Any, report: Path, facts: pd.DataFrame
) -> None:
    open_images(browser, report, images_link(answer="mistake"))
    order = costly(facts[~facts["correct"].astype(bool)])
    first = by(browser, f'#results a[data-image="{order[0]}"]')
    first.send_keys(ENTER)
    dialog = by(browser, "#viewer")
    wait(browser, dialog.is_displayed)
    keys = browser.switch_to.active_element
    assert keys.get_attribute("data-part") == "title"
    for position in (1, 2):
        keys.send_keys(RIGHT)
        own = facts.loc[order[position]]
        title = f"{CLASSES[own['label']]} taken for {CLASSES[own['predicted']]}"
        wait(browser, lambda title=title: by(browser, '[data-part="title"]').text == title)
        assert by(browser, '[data-part="position"]').text == f"{position + 1} of {len(order)}"
        assert browser.execute_script("return location.hash").endswith(f"image={order[position]}")
    keys.send_keys(LEFT)
    settle(browser)
    by(browser, "#viewer").send_keys(ESCAPE)
    wait(browser, lambda: not dialog.is_displayed())
    settle(browser)
    assert browser.execute_script("return location.hash") == "#answer=mistake"
    focused = browser.switch_to.active_element.get_attribute("data-image")
    assert focused == str(order[1])
    browser.switch_to.active_element.send_keys(RIGHT)
    assert browser.switch_to.active_element.get_attribute("data-image") == str(order[2])
    assert shown(browser) == order


def test_the_viewer_tells_what_the_tables_say(
    browser: Any, report: Path, facts: pd.DataFrame
) -> None:
    run = RunFolder(report.parent)
    evidence = run.dataset("evidence").to_table().to_pandas()
    evidence = evidence[evidence["intervention"] != "empty"]
    tested = facts[facts["stratum"].notna() & ~facts["correct"].astype(bool)]
    image_id = int(tested.index[0])
    open_images(browser, report, images_link(image=image_id))
    wait(browser, lambda: all_by(browser, '[data-part="changes"] .thumb'))
    own = facts.loc[image_id]
    changes = evidence[evidence["image_id"] == image_id]
    assert len(all_by(browser, '[data-part="changes"] .thumb')) == len(changes)
    text = by(browser, '[data-part="changes"]').text
    for row in changes.to_dict("records"):
        margin = f"{row['logit_predicted'] - row['logit_against']:+.2f}".replace("-", "−")
        assert f"margin {margin}" in text
    trail = run.dataset("verdicts").to_table().to_pandas().set_index("image_id")["trail"]
    bullets = [item.text for item in all_by(browser, '[data-part="verdict"] li')]
    assert bullets == list(trail[image_id])
    bars = by(browser, '[data-part="top"]').text
    for classes, logit in zip(own["top_k_class"], own["top_k_logit"], strict=True):
        share = own["probability"] * np.exp(logit - own["top_k_logit"][0])
        assert CLASSES[classes] in bars and f"{100 * share:.1f} %" in bars
    told = by(browser, '[data-part="facts"]').text
    for tag in ("camera", "site"):
        if own[tag]:
            assert " ".join(own[tag].split()) in " ".join(told.split())
    for link in all_by(browser, "#viewer a"):
        page, _, anchor = link.get_attribute("href").partition("#")
        file = Path(page.removeprefix("file://"))
        assert file.exists()
        if file.name.startswith(("strips", "mistakes")):
            assert f'id="{anchor}"' in file.read_text()


def test_roles_and_the_slider(browser: Any, report: Path, facts: pd.DataFrame) -> None:
    wrong = facts[~facts["correct"].astype(bool) & ~facts.index.isin([EMPTY, 11])]
    image_id = int(wrong.index[0])
    open_images(browser, report, images_link(image=image_id))
    roles = lambda: [b.text for b in all_by(browser, '[data-part="roles"] button')]  # noqa: E731
    wait(browser, roles)
    assert roles() == ["Predicted", "Label", "Contrast"]
    pressed = '[data-part="roles"] [aria-pressed="true"]'
    assert by(browser, pressed).text == "Contrast"
    by(browser, '[data-role="label"]').click()
    wait(browser, lambda: by(browser, pressed).text == "Label")
    label = CLASSES[wrong.loc[image_id, "label"]]
    assert by(browser, '[data-part="explained"]').text == f"Label map: evidence for {label}"
    assert "role=label" in browser.execute_script("return location.hash")
    slider = by(browser, "#viewer input[type=range]")
    canvas = wait(browser, lambda: all_by(browser, '[data-part="picture"] canvas'))[0]
    picture = by(browser, '[data-part="picture"] img')
    for key, of_map, of_picture in (("\ue011", "0", "1"), ("\ue010", "1", "0")):  # Home, End
        slider.send_keys(key)
        assert canvas.value_of_css_property("opacity") == of_map
        assert picture.value_of_css_property("opacity") == of_picture
    assert slider.get_attribute("aria-valuetext") == "map alone"


PIXELS = """
const canvas = document.querySelector('[data-part="picture"] canvas');
const { width, height } = canvas;
return [width, height, Array.from(canvas.getContext('2d').getImageData(0, 0, width, height).data)];
"""


@pytest.mark.parametrize("role", ["predicted", "contrast"])
def test_maps_have_the_colours_of_the_reports_other_maps(
    browser: Any, report: Path, role: str
) -> None:
    """From the same bytes; the colour that is added to a picture is compared, as a canvas keeps
    colours times opacity."""
    scales = choose_scales(load_tables(RunFolder(report.parent)))
    _, maps = read_script(report / "explorer" / "maps-0.js")
    for image_id in (0, 5, 22):
        cells = np.frombuffer(maps[f"{role}_cells"][image_id].as_py(), np.uint8).astype(np.float32)
        shares = (cells - 128) / 127 if role == "contrast" else cells / 255
        raw = shares.reshape(GRID, GRID) * np.float32(maps[f"{role}_scale"][image_id].as_py())
        wanted = rgba(
            signed_png(raw, scales.contrast.limit)
            if role == "contrast"
            else positive_png(raw, scales.positive.limit)
        )
        open_images(browser, report, images_link(image=image_id, role=role))
        wait(browser, lambda: all_by(browser, '[data-part="picture"] canvas[width="56"]'))
        width, height, data = browser.execute_script(PIXELS)
        found = np.array(data, dtype=float).reshape(height, width, 4)
        assert found.shape == wanted.shape
        laid = [p[..., :3] * p[..., 3:] / 255 for p in (found, wanted)]
        assert np.abs(laid[0] - laid[1]).max() <= 6
        assert np.abs(laid[0] - laid[1]).mean() <= 1


def test_the_view_is_cut_from_originals_as_the_model_saw_it(browser: Any, report: Path) -> None:
    open_images(browser, report)
    cases = [(w, h, 256, 224) for w in (31, 100, 333, 500, 501) for h in (40, 100, 375, 1000)]
    cases += [(200, 150, 128, 113), (140, 181, 128, 112), (97, 131, 225, 224)]
    script = (
        "return arguments[0].map(([width, height, resize, crop]) =>"
        " camaudit.pictures.placement(width, height, { resize, crop }))"
    )
    for (width, height, resize, crop), found in zip(
        cases, browser.execute_script(script, cases), strict=True
    ):
        wanted = place(width, height, resize, crop)
        assert found["left"] * crop == pytest.approx(wanted.left, abs=1e-9)
        assert found["top"] * crop == pytest.approx(wanted.top, abs=1e-9)
        assert found["width"] * crop == pytest.approx(wanted.resized_width, abs=1e-9)
        assert found["height"] * crop == pytest.approx(wanted.resized_height, abs=1e-9)


def test_addresses_of_originals(browser: Any, report: Path) -> None:
    open_images(browser, report)
    script = "return arguments[0].map((uri) => camaudit.pictures.addressOf(uri))"
    uris = [
        "/data/a b/100% #1?.jpg", "relative/図.png", "https://host/x.jpg?size=1", "s3://bucket/x.jpg",
        "/data/all.parquet#12", "C:\\pictures\\x.jpg", "file:///data/x.jpg",
    ]  # fmt: skip
    hrefs = [found.get("href", found.get("note")) for found in browser.execute_script(script, uris)]
    assert hrefs == [
        "file:///data/a%20b/100%25%20%231%3F.jpg", "relative/%E5%9B%B3.png",
        "https://host/x.jpg?size=1", "s3:// is not for browsers", "stored inside a Parquet file",
        "file:///C:/pictures/x.jpg", "file:///data/x.jpg",
    ]  # fmt: skip


def test_an_image_that_is_gone_says_so_and_keeps_its_map(browser: Any, report: Path) -> None:
    open_images(browser, report, images_link(image=UNREADABLE))
    badge = wait(browser, lambda: all_by(browser, '[data-part="picture"] .badge'))[0]
    assert badge.text == "image cannot be read here"
    assert "moved, gone" in badge.get_attribute("title")
    wait(browser, lambda: all_by(browser, '[data-part="picture"] canvas'))


@pytest.mark.parametrize("text, said", [("999", "no image 999"), ("x<b>", "no image x<b>")])
def test_an_unknown_image_is_told(browser: Any, report: Path, text: str, said: str) -> None:
    open_images(browser, report, images_link(image=5))
    wait(browser, by(browser, "#viewer").is_displayed)
    open_images(browser, report, images_link(image=text))
    wait(browser, lambda: not by(browser, "#viewer").is_displayed())
    assert said in by(browser, "#unknown").text
    assert len(shown(browser)) == 40


@pytest.fixture(scope="module")
def downloads(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("downloads")
    browser.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)}
    )
    return folder


def save(browser: Any, downloads: Path, kind: str, name: str) -> bytes:
    if not by(browser, "#export div").is_displayed():
        by(browser, "#export summary").click()
    by(browser, f'[data-export="{kind}"]').click()
    file = downloads / name
    wait(browser, lambda: file.exists() and file.stat().st_size)
    time.sleep(0.2)
    content = file.read_bytes()
    file.unlink()
    return content


EXPORTED = ("probability", "label_probability", "score", "loss", "margin", "lift")


def check_exported(rows: list[dict[str, Any]], wanted: pd.DataFrame) -> None:
    """Rows with None for what is missing, numbers as numbers."""
    assert [row["image_id"] for row in rows] == wanted.index.tolist()
    for row, own in zip(rows, wanted.to_dict("records"), strict=True):
        assert row["uri"] == own["uri"]
        assert (row["label"], row["predicted"]) == (own["label"], own["predicted"])
        assert row["label_name"] == CLASSES[own["label"]]
        assert row["predicted_name"] == CLASSES[own["predicted"]]
        assert row["correct"] == own["correct"]
        for name in EXPORTED:
            value = own[name]
            assert row[name] == (None if np.isnan(value) else float(np.float32(value)))
        assert row["verdict"] == own["verdict"]
        assert row["tested"] == isinstance(own["stratum"], str)
        tags = dict(tags_of(row["image_id"]) or [])
        assert (row["tag.camera"], row["tag.site"]) == (tags.get("camera"), tags.get("site"))
        assert row["contexts"] == (" ".join(map(str, own["contexts"])) or row["contexts"])
        cluster = own["explanation"]
        assert row["explanation_cluster"] == (None if cluster < 0 else cluster)


def test_saved_rows_are_the_rows_shown(
    browser: Any, report: Path, facts: pd.DataFrame, downloads: Path
) -> None:
    open_images(browser, report, images_link(ranges={"probability": (0.6, None)}))
    wanted = facts.loc[costly(facts[facts["probability"] >= np.float32(0.6)])]
    assert 10 < len(wanted) < 40
    table = pq.read_table(io.BytesIO(save(browser, downloads, "parquet", "images.parquet")))
    assert str(table.schema.field("image_id").type) == "int64"
    assert str(table.schema.field("loss").type) == "float"
    check_exported(table.to_pylist(), wanted)
    text = save(browser, downloads, "csv", "images.csv").decode()
    typed = [
        {name: typed_value(name, value) for name, value in row.items()}
        for row in csv.DictReader(io.StringIO(text, newline=""))
    ]
    check_exported(typed, wanted)
    uris = save(browser, downloads, "uris", "uris.txt").decode()
    assert uris.splitlines() == wanted["uri"].tolist()
    assert by(browser, "#saved").text == f"{len(wanted)} rows saved"


def typed_value(name: str, value: str) -> Any:
    if value == "":
        return "" if name == "contexts" else None
    if name in ("image_id", "label", "predicted", "explanation_cluster"):
        return int(value)
    if value in ("true", "false"):
        return value == "true"
    return float(value) if name in (*EXPORTED, "object_energy") else value


@pytest.mark.parametrize(
    "page, least", [("index.html", 8), ("classes/1.html", 1), ("background.html", 8)]
)
def test_every_count_leads_to_as_many_images(
    browser: Any, report: Path, page: str, least: int
) -> None:
    browser.get((report / page).as_uri())
    links = browser.execute_script(
        "return Array.from(document.querySelectorAll('a.counted'),"
        " (link) => [link.innerText, link.getAttribute('href')])"
    )
    numbered = [(text, href) for text, href in links if text.strip().isdigit()]
    assert len(numbered) >= least
    # Slices are made up beside tags that this run does not have.
    told = {href: int(text) for text, href in numbered if "tag.site" not in href}
    open_images(browser, report)
    for href, number in told.items():
        found = browser.execute_script(
            "const state = camaudit.address.parse(arguments[0], camaudit.explorer.rows.quantities);"
            "return camaudit.explorer.rows.filter(state).rows.length",
            href.partition("#")[2],
        )
        assert found == number, href


@pytest.mark.parametrize("link", ["images.html", "images.html#view=table", "images.html#image=5"])
def test_it_fits_a_telephone(browser: Any, report: Path, link: str) -> None:
    open_images(browser, report, link, width=390)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390


def test_it_asks_for_nothing_but_its_folder_and_the_images(browser: Any, report: Path) -> None:
    browser.get_log("browser")
    browser.get_log("performance")
    open_images(browser, report, images_link(image=1), anew=True)
    wait(browser, lambda: all_by(browser, '[data-part="neighbours"] canvas'))
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
    ours = [e for e in sent if e["documentURL"].startswith(report.as_uri())]
    urls = {event["request"]["url"] for event in ours}
    images = (report.parent.parent / "images").as_uri()
    assert [u for u in urls if not u.startswith((report.as_uri(), images, "data:", "blob:"))] == []
    assert any("maps-0.js" in url for url in urls)
    messages = [entry["message"] for entry in browser.get_log("browser")]
    assert [text for text in messages if f"{UNREADABLE:03d}.jpg" not in text] == []


def test_the_count_is_announced_and_controls_have_names(browser: Any, report: Path) -> None:
    open_images(browser, report)
    assert by(browser, "#count").get_attribute("role") == "status"
    unnamed = browser.execute_script(
        "return [...document.querySelectorAll('main :is(input, select, button)')]"
        ".filter((e) => !e.labels?.length && !e.ariaLabel && !e.textContent.trim())"
        ".map((e) => e.outerHTML)"
    )
    assert unnamed == []


def test_without_labels_the_least_confident_come_first(browser: Any, tmp_path: Path) -> None:
    run = write_small_run(tmp_path, labelled=False)
    report = build_report(run.folder).parent
    open_images(browser, report)
    rows = pd.DataFrame(run.rows["predictions"]).sort_values(["probability", "image_id"])
    assert shown(browser) == rows["image_id"].tolist()
    assert {c.get_attribute("data-facet") for c in all_by(browser, "#facets select")} == {
        "predicted", "map",
    }  # fmt: skip
    by(browser, "#results a[data-image]").click()
    roles = wait(browser, lambda: all_by(browser, '[data-part="roles"] button'))
    assert [role.text for role in roles] == ["Predicted", "Runner-up", "Contrast"]
    assert by(browser, '[data-part="title"]').text.endswith("no label")
    assert by(browser, '[data-part="verdict"]').text == ""


def test_a_report_that_is_not_whole_says_so(browser: Any, tmp_path: Path) -> None:
    report = build_report(write_small_run(tmp_path).folder).parent
    (report / "explorer" / "rows.js").unlink()
    browser.get((report / "images.html").as_uri())
    wait(browser, lambda: "cannot be loaded" in by(browser, "#count").text)
