"""The page of the background, against the tables that it was given."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from tasks.tables import background_schemas as schemas
from tests.reports import background_numbers as numbers
from tests.reports.background_evidence import Row
from tests.reports.page import Page
from tests.reports.small_run import CLASSES, SmallRun


@pytest.fixture(scope="module")
def tables(run: SmallRun) -> numbers.Tables:
    """What the session's run holds, written by its fixture; the same rows again."""
    return numbers.rows_of(run.folder)


@pytest.fixture(scope="module")
def page(report: Path) -> Page:
    return Page(report / "background.html")


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def bounds(row: Row, name: str) -> str:
    return f"[{100 * row[name + '_low']:.1f}, {100 * row[name + '_high']:.1f}]"


def signed(value: float, digits: int = 2) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def close(text: str) -> str:
    return "".join(text.split())


def group(tables: numbers.Tables, kind: str, **key: object) -> Row:
    rows = [row for row in tables["background_stats"] if row["group"] == kind]
    (row,) = [r for r in rows if all(r[name] == value for name, value in key.items())]
    return row


def test_headline_is_the_weighted_share_with_its_denominators(
    tables: numbers.Tables, page: Page
) -> None:
    whole = group(tables, "all")
    share = f"{percent(whole['driven_share'])} {bounds(whole, 'driven')}"
    assert f"{share} of the {whole['mistakes']} mistakes are driven by the background" in page.text
    tested, mistakes = whole["tested_mistakes"], whole["mistakes"]
    assert f"Mistakes driven by it {share} {tested} tested of {mistakes} mistakes" in page.text
    right = whole["images"] - mistakes
    leaning = f"{percent(whole['leaning_share'])} {bounds(whole, 'leaning')}"
    assert f"{leaning} {whole['tested_correct']} tested of {right} correct predictions" in page.text
    replaced = f"{percent(whole['accuracy_replaced'])} {bounds(whole, 'accuracy_replaced')}"
    both = tested + whole["tested_correct"]
    assert f"{replaced} {both} tested of {whole['images']} images" in page.text
    facts = tables["facts"][0]
    spent = facts["forwards"] / facts["images"]
    assert f"Spent {spent:.2f} forwards per image, of 0.40" in page.text


def test_each_pair_stands_with_its_numbers(tables: numbers.Tables, page: Page) -> None:
    pairs = [row for row in tables["background_stats"] if row["group"] == "pair"]
    assert len(pairs) == 3
    for row in pairs:
        own = [
            v
            for v in tables["verdicts"]
            if v["stratum"] and (v["label"], v["predicted"]) == (row["label"], row["predicted"])
        ]
        proxies = sum(v["object_source"] == "proxy" for v in own)
        name = f"{CLASSES[row['label']]} → {CLASSES[row['predicted']]}"
        if proxies:
            name += f" {proxies} {'proxy' if proxies == 1 else 'proxies'}"
        _, mistakes, driven, turned, gap, control, _ = page.row(name)
        assert mistakes == str(row["mistakes"])
        tested = f"{row['tested_mistakes']}testedof{row['mistakes']}mistake"
        if not row["tested_mistakes"]:
            assert close(driven).startswith(f"notknown{tested}")
            assert (turned, gap) == ("–", "–")
            continue
        share = close(percent(row["driven_share"]) + bounds(row, "driven"))
        assert close(driven).removesuffix("s") == share + tested
        assert close(turned) == f"{row['turned_mistakes']}of{row['tested_mistakes']}tested"
        low, high = (f"{row[f'gap_{end}']:.2f}".replace("-", "−") for end in ("low", "high"))
        assert close(gap) == close(f"{signed(row['gap'])}[{low},{high}]")
        assert control == signed(row["control_gap"])


@pytest.mark.parametrize("kind", ["label", "predicted"])
def test_each_class_stands_with_its_numbers(
    tables: numbers.Tables, report: Path, kind: str
) -> None:
    html = (report / "background.html").read_text()
    start = html.index(f'<section aria-labelledby="by-{kind}"')
    rows = html[start : html.index("</section>", start)]
    stats = [row for row in tables["background_stats"] if row["group"] == kind]
    assert rows.count("<tr") == len(stats) + 1
    for row in stats:
        link = rows.index(f'<a href="classes/{row[kind]}.html">')
        cells = re.findall(r"<td[^>]*>(.*?)</td>", rows[link:].split("</tr>")[0], re.DOTALL)
        _, driven, leaning, _, kept, replaced, gap, _, _ = (
            close(re.sub("<[^>]*>", "", cell)) for cell in cells
        )
        right = row["images"] - row["mistakes"]
        tested = f"{row['tested_mistakes']}testedof{row['mistakes']}mistake"
        assert (tested if row["mistakes"] else "nonetotest") in driven
        asked = f"{row['tested_correct']}testedof{right}" if right else "nonetotest"
        assert leaning.endswith(asked)
        if row["tested_correct"]:
            assert leaning.startswith(close(percent(row["leaning_share"]) + bounds(row, "leaning")))
        assert kept.startswith(close(percent(right / row["images"])))
        assert kept.endswith(f"of{row['images']}")
        if row["accuracy_replaced"] is not None:
            expected = percent(row["accuracy_replaced"]) + bounds(row, "accuracy_replaced")
            assert replaced.startswith(close(expected))
        assert gap.startswith(signed(row["gap"]) if row["gap"] is not None else "–")


def test_worst_slice_has_the_highest_lower_end(tables: numbers.Tables, page: Page) -> None:
    slices = [row for row in tables["background_stats"] if row["group"] == "slice"]
    worst = max(slices, key=lambda row: row["driven_low"] or -1)
    for row in slices:
        name = f"{row['value']} most driven" if row is worst else row["value"]
        assert page.row(name)[1] == str(row["mistakes"])
    assert page.text.count("most driven") == 1


def test_findings_stand_confirmed_first_with_interval_and_q(
    tables: numbers.Tables, report: Path, page: Page
) -> None:
    ordered = sorted(tables["findings"], key=lambda row: (not row["confirmed"], row["rank"]))
    texts = [row["text"].replace("->", "→") for row in ordered]
    places = [page.text.index(text) for text in texts]
    assert places == sorted(places)
    for row, text, place in zip(ordered, texts, places, strict=True):
        q = "< 0.001" if row["q_value"] < 0.001 else f"{row['q_value']:.3f}"
        points = f"{100 * row['effect']:+.1f} points"
        size = points if row["kind"] in ("tag", "context") else percent(row["effect"])
        effect = f"{size} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
        count = f"{row['tested']} tested of {row['images']} image"
        if row["tested"] == row["images"]:
            count = f"all of {row['images']} image"
        said = page.text[place + len(text) :][:120]
        assert said.startswith(f" {effect} {count}")
        word = "confirmed" if row["confirmed"] else "not confirmed"
        assert re.search(rf"q {re.escape(q)} {word}", said)
    index = Page(report / "index.html").text
    top = [text for row, text in zip(ordered, texts, strict=True) if row["confirmed"]]
    assert all(text in index for text in top[:3])
    assert not any(text in index for text in top[3:])
    assert f"The gravest 3 of {len(ordered)} statements" in index


def test_pictures_of_a_finding_lead_to_strips(tables: numbers.Tables, report: Path) -> None:
    html = (report / "background.html").read_text()
    first = html.split('<li class="finding')[1].split("</li>")[0]
    ids = [int(i) for i in re.findall(r'src="images/(\d+)\.jpg"', first)]
    finding = min(tables["findings"], key=lambda row: row["rank"])
    assert ids == finding["exemplars"][:6]
    tested = {row["image_id"] for row in tables["evidence"] if row["picture"]}
    for image_id in ids:
        strip = re.search(rf'href="strips-1\.html#image-{image_id}"', first)
        assert bool(strip) == (image_id in tested)


def test_verdicts_are_counted(tables: numbers.Tables, page: Page) -> None:
    marks = {"confirmed": "●", "suspected": "◐", "not_background": "○", "undetermined": "?"}
    for verdict, mark in marks.items():
        own = [row for row in tables["verdicts"] if row["verdict"] == verdict]
        title = verdict.replace("_", " ").capitalize()
        cells = page.row(f"{mark} {title}")[1:]
        expected = [
            sum(bool(row["stratum"]) == tested and row["correct"] == correct for row in own)
            for tested in (True, False)
            for correct in (False, True)
        ]
        assert [int(cell.split()[0]) for cell in cells] == expected
    assert {row["verdict"] for row in tables["verdicts"]} == set(schemas.VERDICTS)


def test_first_pass_stands_beside_its_baselines(tables: numbers.Tables, report: Path) -> None:
    wrong = {row["image_id"] for row in tables["verdicts"] if not row["correct"]}
    html = (report / "background.html").read_text()
    section = html[html.index('<section aria-labelledby="first-pass"') :]
    tables_shown = section.split("<table")[1:]
    columns = ("score", "uniform_score", "centre_score", "border_score")
    for source, shown in zip(schemas.OBJECT_SOURCES, tables_shown, strict=True):
        own = [row for row in tables["background"] if row["object_source"] == source]
        assert f"{len(own)} of {len(tables['verdicts'])} labelled images" in shown
        assert ("a guess" in shown) == (source == "proxy")
        cells = [re.sub("<[^>]*>", "", c) for c in re.findall(r"<td>(.*?)</td>", shown, re.DOTALL)]
        for place, column in enumerate(columns):
            for side, mistake in enumerate((True, False)):
                values = [row[column] for row in own if (row["image_id"] in wrong) == mistake]
                values = np.float32(values).astype(float)
                half = 1.959964 * values.std(ddof=1) / math.sqrt(len(values))
                mean = values.mean()
                text = f"{100 * mean:.1f} % [{100 * (mean - half):.1f}, {100 * (mean + half):.1f}]"
                text += f" over {len(values)} image"
                assert " ".join(cells[2 * place + side].split()).startswith(text)


def test_a_proxy_is_marked_and_explained(tables: numbers.Tables, page: Page) -> None:
    proxies = sum(row["object_source"] == "proxy" for row in tables["verdicts"])
    tested = sum(row["object_source"] == "proxy" for row in tables["verdicts"] if row["stratum"])
    assert 0 < tested < proxies
    note = f"proxy {proxies} of {len(tables['verdicts'])} labelled images, {tested} of the "
    assert note in page.text
    assert "a region around the evidence for the label stands in for the object" in page.text


def test_no_number_is_missing_in_words(report: Path) -> None:
    for file in report.rglob("*.html"):
        assert not re.search(r"\b(nan|None(?!:)|inf|NaT)\b", Page(file).text), file
