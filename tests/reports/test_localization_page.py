"""The page of localisation, against the numbers that it was given."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from reports.build import build_report
from reports.localization.localization_exemplars import choose_localized
from reports.localization.localization_page import verdict_words
from reports.localization.localization_table import overall_figures
from reports.localization.localization_words import FIGURES
from reports.localization.stored_localization import StoredLocalization, load_localization
from tasks.errors import AuditError
from tasks.tables.localization_schemas import FIGURES as STORED_FIGURES
from tasks.tables.storage import RunFolder
from tests.reports import localization_numbers as numbers
from tests.reports.charts import read_charts
from tests.reports.page import Page
from tests.reports.small_run import CLASSES, CROP, RESIZE, SmallRun, write_small_run

Tables = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def tables(run: SmallRun) -> Tables:
    folder = RunFolder(run.folder)
    names = ("localization", "localization_stats", "localization_curves")
    return {name: folder.dataset(name).to_table().to_pylist() for name in names}


@pytest.fixture(scope="module")
def page(report: Path) -> Page:
    return Page(report / "localization.html")


def bounds(row: dict[str, Any], name: str) -> str:
    low, high = row[f"{name}low"], row[f"{name}high"]
    if low is None:
        return ""
    return f"[{100 * low:.1f}, {100 * high:.1f}]".replace("-", "−")


def test_every_figure_stands_with_the_centre_and_its_intervals(page: Page, tables: Tables) -> None:
    assert set(FIGURES) == set(STORED_FIGURES)
    rows = {r["figure"]: r for r in tables["localization_stats"] if r["class_idx"] == -1}
    for figure, words in FIGURES.items():
        row = rows[figure]
        lower = " lower is better" if figure in numbers.ERRORS else ""
        cells = page.row(f"{words.title}{lower}".replace(" lower", "lower"))
        assert cells[1] == f"{100 * row['value']:.1f} %{bounds(row, '')}"
        assert cells[2] == f"{100 * row['centre']:.1f} %{bounds(row, 'centre_')}"
        points = f"{100 * row['difference']:+.1f}".replace("-", "−")
        certain = row["difference_low"] is not None and (
            row["difference_low"] > 0 or row["difference_high"] < 0
        )
        good = (row["difference"] > 0) != (figure in numbers.ERRORS)
        mark = (" better" if good else " worse") if certain else ""
        assert cells[3] == f"{points}{mark}{bounds(row, 'difference_')}", figure
        if row["threshold"]:
            shown = [f"{100 * row[key]:.1f} %" for key in ("threshold", "centre_threshold")]
            assert cells[4] == "".join(shown)
        assert cells[5] == str(row["images"])


def test_classes_stand_lowest_first_and_sort(page: Page, tables: Tables) -> None:
    rows = [r for r in tables["localization_stats"] if r["class_idx"] >= 0]
    mine = {r["class_idx"]: r for r in rows if r["figure"] == "max_box_acc"}
    order = sorted(mine, key=lambda c: (mine[c]["value"], c))
    links = [a["href"] for a in page.all("a") if a["href"].startswith("classes/")]
    assert links == [f"classes/{c}.html" for c in order]
    for class_idx, row in mine.items():
        cells = page.row(CLASSES[class_idx])
        assert cells[1] == str(row["images"])
        assert cells[2].startswith(f"{100 * row['value']:.1f} %{bounds(row, '')}")
        assert cells[2].endswith(f"centre {100 * row['centre']:.1f} %")


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.1, 0.3, "localise better than"), (-0.3, -0.1, "localise worse than"),
     (-0.1, 0.3, "cannot be told from")],
)  # fmt: skip
def test_the_page_begins_with_the_verdict(
    tables: Tables, low: float, high: float, words: str
) -> None:
    stats = pd.DataFrame(tables["localization_stats"])
    stats[["difference", "difference_low", "difference_high"]] = ((low + high) / 2, low, high)
    verdict, figures = verdict_words(overall_figures(stats))
    assert words in verdict
    expected = (
        f"a difference of {50 * (low + high):+.1f} points [{100 * low:.1f}, {100 * high:.1f}]"
    )
    assert expected.replace("-", "−") in figures


def test_an_error_that_is_lower_than_the_centres_is_better(tables: Tables) -> None:
    stats = pd.DataFrame(tables["localization_stats"])
    stats[["difference", "difference_low", "difference_high"]] = (-0.2, -0.3, -0.1)
    marks = {figure.name: figure.mark for figure in overall_figures(stats)}
    errors = {name for name, mark in marks.items() if mark == "better"}
    assert errors == set(numbers.ERRORS)


def test_the_numbers_of_a_chart_are_those_of_the_curves(page: Page, tables: Tables) -> None:
    wanted = [("largest", 0.5), ("any", 0.3), ("any", 0.5), ("any", 0.7)]
    for (contours, iou), chart in zip(wanted, read_charts(page.file), strict=True):
        assert (chart.top, chart.unit) == (100, "%")
        for name, of_map, which in (("maps", "label", contours), ("centre", "centre", "largest")):
            own = [r for r in tables["localization_curves"]
                   if (r["map"], r["contours"], r["iou"]) == (of_map, which, iou)]  # fmt: skip
            own.sort(key=lambda row: row["threshold"])
            places = [100 * row["threshold"] for row in own]
            hits = [100 * row["hits"] / row["images"] for row in own]
            assert chart.places == pytest.approx(places, abs=0.005)
            assert chart.lines[name] == pytest.approx(hits, abs=0.05)


def test_examples_show_the_boxes_where_they_are(page: Page, tables: Tables) -> None:
    rows = {row["image_id"]: row for row in tables["localization"]}
    html = page.file.read_text()
    figures = re.findall(r'<figure class="thumb">.*?</figure>', html, re.S)
    seen = set()
    for figure in figures:
        image_id = int(re.search(r'src="images/(\d+)\.jpg"', figure).group(1))  # type: ignore[union-attr]
        row = rows[image_id]
        seen.add(image_id)
        assert f"IoU {row['iou']:.2f}, centre {row['centre_iou']:.2f}" in figure
        found = re.findall(r'<rect x="(.*?)" y="(.*?)" width="(.*?)" height="(.*?)"/>', figure)
        if row["box_top"] is None:
            assert not found
            continue
        width, height = (200, 150) if image_id % 2 else (140, 180)
        scale = RESIZE / min(width, height)
        off_x, off_y = (round((int(side * scale) - CROP) / 2) for side in (width, height))
        left, right = (row[e] * scale - off_x for e in ("box_left", "box_right"))
        top, bottom = (row[e] * scale - off_y for e in ("box_top", "box_bottom"))
        edges = [min(max(edge, 0), CROP) for edge in (left, top, right, bottom)]
        expected = [*edges[:2], edges[2] - edges[0], edges[3] - edges[1]]
        assert [float(v) for v in found[-1]] == pytest.approx(expected, abs=0.6)
    ordered = sorted(rows, key=lambda i: (-rows[i]["iou"], i))
    others = {*ordered[-8:], *ordered[9:17]}
    missed = [i for i in ordered if rows[i]["centre_iou"] < 0.5 and i not in others]
    assert len(ordered) == 27 and seen == others | set(missed[:8])
    assert numbers.WITHOUT_BOX in seen and len(figures) == len(seen)


def stored(ious: list[float], centre: float = 0.0) -> StoredLocalization:
    images = pd.DataFrame({"image_id": range(len(ious)), "iou": ious, "centre_iou": centre})
    return StoredLocalization(images, pd.DataFrame(), pd.DataFrame())


def test_examples_are_the_best_the_middle_and_the_worst() -> None:
    chosen = choose_localized(stored([i / 60 for i in range(60)]))
    assert chosen == {
        "best": list(range(59, 51, -1)),
        "median": list(range(33, 25, -1)),
        "worst": list(range(8)),
    }


def test_few_images_and_none() -> None:
    assert choose_localized(stored([0.1, 0.9, 0.5])) == {"best": [1], "median": [2], "worst": [0]}
    assert choose_localized(stored([0.2])) == choose_localized(stored([])) == {}
    assert choose_localized(None) == {}
    assert "best" not in choose_localized(stored([0.1, 0.9, 0.5], centre=0.8))


def test_without_boxes_the_page_says_what_it_needs(tmp_path: Path) -> None:
    run = write_small_run(tmp_path, labelled=False)
    numbers.write(run.folder, empty=True)
    index = build_report(run.folder)
    page = Page(index.with_name("localization.html"))
    assert "Localisation needs labels, and for each image a box or a mask" in page.text
    assert not page.all("table") and not page.all("figure")
    assert "localization.html" in [link["href"] for link in Page(index).all("a")]


def test_an_older_audit_has_no_such_page(tmp_path: Path) -> None:
    run = write_small_run(tmp_path)
    assert load_localization(RunFolder(run.folder)) is None
    index = build_report(run.folder)
    assert not index.with_name("localization.html").exists()
    assert "Localisation" not in Page(index).text


def test_an_unknown_figure_is_an_error(tables: Tables) -> None:
    stats = pd.DataFrame(tables["localization_stats"]).replace({"figure": {"pxap": "newer"}})
    with pytest.raises(AuditError, match="no words for the figure 'newer'; known are max_box_acc"):
        overall_figures(stats)
