"""The page of how good maps are, against the numbers that it was given."""

import math
from pathlib import Path

import pandas as pd
import pytest

from reports.build import build_report
from reports.colour_scale import choose_scales
from reports.faithfulness.faithfulness_page import faithfulness_page, sample_words
from reports.faithfulness.faithfulness_words import MEASURES
from reports.line_charts import Row, chart_rows, common_top
from reports.site import Site
from reports.tables import load_tables
from tasks.errors import AuditError
from tasks.tables.storage import RunFolder
from tests.reports import faithfulness_numbers as numbers
from tests.reports.charts import read_charts
from tests.reports.page import Page
from tests.reports.small_run import SmallRun, write_small_run

REFERENCE = "gradcam++"


@pytest.fixture(scope="module")
def site(run: SmallRun, tmp_path_factory: pytest.TempPathFactory) -> Site:
    tables = load_tables(RunFolder(run.folder))
    site = Site(tables, choose_scales(tables), tmp_path_factory.mktemp("page"))
    site.write_assets()
    return site


@pytest.fixture(scope="module")
def computed() -> pd.DataFrame:
    return numbers.table()


@pytest.fixture
def table(computed: pd.DataFrame) -> pd.DataFrame:
    """For the test to change."""
    return computed.copy()


def render(site: Site, table: pd.DataFrame, curves: pd.DataFrame) -> Page:
    site.write("page.html", "faithfulness.html", **faithfulness_page(table, curves, REFERENCE))
    return Page(site.folder / "page.html")


def shown(value: float, measure: str, signed: bool = False) -> str:
    """As the page should write it; its minus is a real one."""
    sign = "+" if signed else ""
    if MEASURES[measure].unit == "probability":
        text = f"{value:{sign}.3f}"
    else:
        text = f"{100 * value:{sign}.1f}" + ("" if signed else " %")
    return text.replace("-", "−")


def test_every_number_stands_with_its_interval(site: Site, table: pd.DataFrame) -> None:
    page = render(site, table, numbers.curves())
    for method in numbers.QUALITY:
        name = f"{method} reference" if method == REFERENCE else method
        cells = page.row(name)[1:]
        own = table[table["method"] == method].set_index("measure")
        assert len(cells) == len(numbers.BETTER)
        for measure, cell in zip(numbers.BETTER, cells, strict=True):
            if measure not in own.index:
                assert cell == "–"
                continue
            row = own.loc[measure]
            low, high = (shown(row[end], measure).removesuffix(" %") for end in ("low", "high"))
            words = [shown(row["value"], measure)]
            words += ["among the best"] * bool(row["among_best"]) + [f"[{low}, {high}]"]
            words += [f"{row['images']} images"] * bool(row["images"] < numbers.IMAGES)
            assert cell.replace(" ", "") == "".join(words).replace(" ", ""), (method, measure)
    assert f"on the same {numbers.IMAGES} images" in page.text


def test_differences_say_better_or_worse_where_zero_is_left_out(
    site: Site, table: pd.DataFrame
) -> None:
    content = faithfulness_page(table, numbers.curves(), REFERENCE)
    seen = set()
    for row in content["methods"] + content["baselines"]:
        for column, cell in zip(content["columns"], row.differences, strict=True):
            own = table[(table["method"] == row.method) & (table["measure"] == column.measure)]
            if not len(own) or row.method == REFERENCE:
                assert cell is None
                continue
            given = own.iloc[0]
            improved = given["difference"] < 0
            if numbers.BETTER[column.measure] == "higher":
                improved = not improved
            certain = given["difference_low"] * given["difference_high"] > 0
            expected = ("better" if improved else "worse") if certain else ""
            assert cell.mark == expected
            assert cell.text == shown(given["difference"], column.measure, signed=True)
            seen.add(cell.mark)
    assert seen == {"better", "worse", ""}
    assert f"Difference to {REFERENCE}" in render(site, table, numbers.curves()).text


def test_a_baseline_among_the_best_is_said(site: Site, table: pd.DataFrame) -> None:
    assert "has not seen the image is among" not in render(site, table, numbers.curves()).text
    chosen = (table["method"] == "centre map") & (table["measure"] == "pointing_hit")
    table.loc[chosen, "among_best"] = True
    page = render(site, table, numbers.curves())
    assert "In Pointing game a map that has not seen the image is among the best" in page.text


def test_leaders_are_the_methods_most_often_among_the_best(table: pd.DataFrame) -> None:
    table["among_best"] = table["method"].isin(["gradcam", "centre map"])
    table.loc[table["method"].eq("layercam") & table["measure"].eq("road"), "among_best"] = True
    leaders = faithfulness_page(table, numbers.curves(), REFERENCE)["leaders"]
    assert leaders == {"measures": 10, "methods": ["gradcam"]}


def test_names_are_text(site: Site, table: pd.DataFrame) -> None:
    page = render(site, table, numbers.curves())
    assert "<b>own</b>" in page.text and not page.all("b")


def test_the_numbers_of_a_chart_are_those_of_the_curves(site: Site, table: pd.DataFrame) -> None:
    curves = numbers.curves()
    charts = read_charts(render(site, table, curves).file)
    assert [chart.title for chart in charts] == [
        "Deletion, blur", "Deletion, mean", "Insertion, blur", "Insertion, mean",
    ]  # fmt: skip
    for measure, chart in zip(list(numbers.BETTER)[:4], charts, strict=True):
        assert (chart.top, chart.unit) == (0.8, "")
        assert set(chart.lines) == set(numbers.QUALITY)
        assert next(iter(chart.lines)) == REFERENCE
        assert chart.places == pytest.approx([100 * share for share in numbers.SHARES])
        for method, values in chart.lines.items():
            own = curves[(curves["method"] == method) & (curves["measure"] == measure)]
            assert values == pytest.approx(own["probability"].tolist(), abs=0.0005)


def test_missing_points_are_written_as_missing() -> None:
    values = pd.DataFrame({"a": [0.25, math.nan], "b": [math.nan, 1.0]}, index=[0.5, 0.0625])
    assert chart_rows(values, 2) == [Row("6.25", ["–", "1.00"]), Row("50", ["0.25", "–"])]
    assert chart_rows(values.iloc[:0], 2) == []
    assert common_top([0.05, math.nan]) == 0.1 and common_top([0.41]) == 0.6
    assert common_top([]) == 0.1 and common_top([1.0]) == 1.0


def test_many_methods_keep_eight_colours(site: Site) -> None:
    methods = {f"method-{i}": 0.3 + 0.02 * i for i in range(11)} | numbers.QUALITY
    many, curves = numbers.table(methods), numbers.curves(methods)
    content = faithfulness_page(many, curves, REFERENCE)
    styles = [row.style for row in content["methods"]]
    assert styles == [f"s{i}" for i in range(8)] + ["rest"] * 8
    assert content["methods"][0].method == REFERENCE
    page = render(site, many, curves)
    assert "8 others, named under the pointer" in page.text


def test_without_curves_reference_or_baselines(site: Site) -> None:
    methods = {"gradcam": 0.4, "layercam": 0.5}
    page = render(site, numbers.table(methods), numbers.curves(methods).iloc[:0])
    assert "2 methods and 0 baselines" in page.text
    assert "Difference to" not in page.text and "Curves" not in page.text


def test_style_sheet_is_there(site: Site, table: pd.DataFrame) -> None:
    page = render(site, table, numbers.curves())
    links = page.all("link")
    sheets = [link["href"] for link in links if link["rel"] == "stylesheet"]
    assert "assets/faithfulness.css" in sheets
    assert all((page.file.parent / sheet).exists() for sheet in sheets)


def test_an_unknown_measure_is_an_error(table: pd.DataFrame) -> None:
    unknown = table.replace({"measure": {"road": "path"}})
    with pytest.raises(AuditError, match="no words for the measure 'path'; known are deletion"):
        faithfulness_page(unknown, numbers.curves(), REFERENCE)
    curves = numbers.curves().replace({"measure": {"deletion_blur": "wipe"}})
    with pytest.raises(AuditError, match="'wipe'"):
        faithfulness_page(table, curves, REFERENCE)


def test_the_report_shows_it_where_it_was_measured(tmp_path: Path, table: pd.DataFrame) -> None:
    run = write_small_run(tmp_path)
    without = build_report(run.folder)
    assert not without.with_name("faithfulness.html").exists()
    assert "Faithfulness" not in Page(without).text
    numbers.write(run.folder)
    index = build_report(run.folder)
    links = [link["href"] for link in Page(index).all("a")]
    assert "faithfulness.html" in links
    page = Page(index.with_name("faithfulness.html"))
    assert "62 of the 70 audited images" in page.text and "(seed 3)" in page.text
    assert "2 images of these could no longer be read." in page.text
    own = table.set_index(["method", "measure"]).loc[("layercam", "road")]
    assert page.row("layercam")[5].startswith(shown(own["value"], "road"))
    run_folder = RunFolder(run.folder)
    run_folder.added_file("faithfulness").unlink()  # tables without their mark are not whole
    assert not build_report(run.folder).with_name("faithfulness.html").exists()


def test_a_sample_of_all_images_is_told_as_such() -> None:
    facts = {"drawn": 1, "audited": 1, "images": 1, "seed": 0, "steps": 1}
    assert sample_words(facts) == (
        "All audited images (1) were taken. Deletion and insertion take 1 step."
    )
