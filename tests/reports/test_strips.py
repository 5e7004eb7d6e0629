"""The strips: what became of an image's answer when the image was changed."""

import html
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from reports.background.background_exemplars import choose_background_exemplars
from reports.background.strip_pages import STRIPS_PER_PAGE, strip_links
from reports.build import build_report
from reports.tables import load_tables
from tasks.errors import AuditError
from tasks.tables.storage import RunFolder
from tests.reports import background_numbers as numbers
from tests.reports.background_evidence import Row
from tests.reports.background_numbers import WITHOUT_PICTURES
from tests.reports.page import Page
from tests.reports.small_run import CLASSES, SmallRun, write_small_run


@pytest.fixture(scope="module")
def tables(run: SmallRun) -> numbers.Tables:
    return numbers.rows_of(run.folder)


def article(report: Path, image_id: int, page: str = "strips-1") -> str:
    """The text of one strip, its marks-up gone."""
    parts = (report / f"{page}.html").read_text().split('<article class="case tested" ')
    (own,) = [part for part in parts if part.startswith(f'id="image-{image_id}"')]
    words = re.sub("<[^>]*>", " ", own.split("</article>")[0])
    return " ".join(html.unescape(words).split())


def sampled(tables: numbers.Tables, correct: bool) -> list[Row]:
    """Those with pictures, as the page should have them."""
    kept = {row["image_id"] for row in tables["evidence"] if row["picture"]}
    rows = [r for r in tables["verdicts"] if r["stratum"] and r["correct"] == correct]
    rows = [row for row in rows if row["image_id"] in kept]
    return sorted(rows, key=lambda r: (r["verdict"] != "confirmed", -r["reliance"], r["image_id"]))


def signed(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}".replace("-", "−")
    return text[1:] if round(value, digits) == 0 else text


def lent(change: Row, class_idx: int) -> str:
    """The small run labels image i with class i % 3."""
    name, donor = CLASSES[class_idx], change["donor_id"]
    if donor % 3 == class_idx:
        return f"on a background of {name}, image {donor}"
    return f"on the background of an image taken for {name}, image {donor}"


def changes(tables: numbers.Tables, image_id: int) -> list[Row]:
    """What a strip shows of one image: all but the empty view, which is the same for all."""
    return [
        row
        for row in tables["evidence"]
        if row["image_id"] == image_id and row["intervention"] != "empty"
    ]


def test_confirmed_come_first_then_by_reliance(tables: numbers.Tables, report: Path) -> None:
    source = (report / "strips-1.html").read_text()
    shown = [int(i) for i in re.findall(r'<article class="case tested" id="image-(\d+)"', source)]
    rows = sampled(tables, correct=False)
    assert shown == [row["image_id"] for row in rows]
    assert WITHOUT_PICTURES not in shown
    total = sum(bool(r["stratum"]) and not r["correct"] for r in tables["verdicts"])
    assert (
        f"{len(rows)} of {total} tested mistakes are shown" in Page(report / "strips-1.html").text
    )


def test_each_strip_says_what_the_model_said(tables: numbers.Tables, report: Path) -> None:
    for row in sampled(tables, correct=False):
        text = article(report, row["image_id"])
        names = CLASSES[row["predicted"]], CLASSES[row["label"]]
        assert f"{names[1]} taken for {names[0]}" in text
        for change in changes(tables, row["image_id"]):
            margin = change["logit_predicted"] - change["logit_against"]
            turn = {row["predicted"]: "stays", row["label"]: "turns right"}
            answer = (
                f"{CLASSES[change['predicted']]} {turn.get(change['predicted'], 'another class')}"
            )
            logits = f"{change['logit_predicted']:.1f} to {change['logit_against']:.1f}"
            where = {
                "background_blurred": "background blurred",
                "background_mean": "background in one colour",
                "donor_predicted": lent(change, row["predicted"]),
                "donor_against": lent(change, row["label"]),
                "donor_other": f"on a background of another class, image {change['donor_id']}",
                "colours_matched": "average colour and contrast, all of it",
                "object_inpainted": "object filled in",
                "object_mean": "object in one colour",
            }[change["intervention"]]
            logits = logits.replace("-", "−")
            assert f"{answer} {signed(margin, 1)} {logits} {where}" in text


def test_each_strip_has_its_verdict_and_split(tables: numbers.Tables, report: Path) -> None:
    titles = {"not_background": "Not background"}
    for row in sampled(tables, correct=False):
        text = article(report, row["image_id"])
        assert titles.get(row["verdict"], row["verdict"].capitalize()) in text
        assert ("proxy object" in text) == (row["object_source"] == "proxy")
        assert all(sentence in text for sentence in row["trail"])
        assert f"Background gap {signed(row['gap'], 2)}" in text
        assert f"Margin due to the object {signed(row['shapley_object'], 1)} logits" in text
        assert f"… to the background {signed(row['shapley_background'], 1)} logits" in text
        assert f"Reliance {row['reliance']:.2f} of 1" in text
        drawn = "as suspicious" if row["stratum"] == "suspicious" else "at random"
        assert f"Drawn {drawn} probability {row['inclusion']:.2f}" in text


def test_bars_are_on_one_scale(tables: numbers.Tables, report: Path) -> None:
    margins = []
    shown = sampled(tables, correct=False)
    leaning = [r for r in sampled(tables, correct=True) if r["verdict"] == "confirmed"]
    for row in [*shown, *leaning]:
        margins += [row["margin"]] + [
            r["logit_predicted"] - r["logit_against"] for r in changes(tables, row["image_id"])
        ]
    scale = float(np.percentile(np.abs(margins), 95))
    assert f"A bar is full at {scale:.3g} logits" in Page(report / "strips-1.html").text
    image_id = shown[0]["image_id"]
    source = (report / "strips-1.html").read_text()
    own = source[source.index(f'id="image-{image_id}"') :]
    bars = re.findall(r'<i class="(above|below)" style="--w:([\d.]+)%">', own)
    gap, by_object, by_background, original = bars[:4]
    for bar, value, full in (
        (gap, shown[0]["gap"], 1),
        (by_object, shown[0]["shapley_object"], scale),
        (by_background, shown[0]["shapley_background"], scale),
        (original, shown[0]["margin"], scale),
    ):
        assert bar[0] == ("above" if value >= 0 else "below")
        assert float(bar[1]) == pytest.approx(50 * min(1, abs(value) / full), abs=0.01)
    mark = re.findall(r'<u style="left:([\d.]+)%">', own)[0]
    assert float(mark) == pytest.approx(50 + 50 * numbers.THRESHOLD, abs=0.01)


def test_pictures_are_the_stored_ones(tables: numbers.Tables, report: Path) -> None:
    shown = {row["image_id"] for row in sampled(tables, correct=False)}
    missing = 0
    for row in (row for image_id in shown for row in changes(tables, image_id)):
        name = f"{row['intervention']}-{row['draw']}/{row['image_id']}.jpg"
        file = report / "changed" / name
        if row["picture"]:
            assert file.read_bytes() == row["picture"]
            assert cv2.imread(str(file)).shape == (32, 32, 3)
        else:
            missing += 1
            assert not file.exists()
    text = Page(report / "strips-1.html").text
    assert missing and text.count("no picture kept") == missing


def test_right_for_the_wrong_reason_has_its_own_page(tables: numbers.Tables, report: Path) -> None:
    rows = [row for row in sampled(tables, correct=True) if row["verdict"] == "confirmed"]
    page = Page(report / "leaning-1.html")
    assert "Right for the wrong reason" in page.text
    links = page.all("article")
    assert [tag["id"] for tag in links] == [f"image-{row['image_id']}" for row in rows]
    text = article(report, rows[0]["image_id"], "leaning-1")
    against = CLASSES[rows[0]["against_idx"]]
    assert f"{CLASSES[rows[0]['predicted']]} , rightly; next came {against}" in text
    assert "turns right" not in text


def test_a_tested_mistake_leads_to_its_strip(tables: numbers.Tables, report: Path) -> None:
    source = (report / "mistakes-1.html").read_text()
    shown = {row["image_id"] for row in sampled(tables, correct=False)}
    titles = {"not_background": "Not background"}
    for row in (row for row in tables["verdicts"] if not row["correct"]):
        own = source[source.index(f'id="case-{row["image_id"]}"') :].split("</article>")[0]
        title = titles.get(row["verdict"], row["verdict"].capitalize())
        assert f"</span> {title}" in own
        assert ("by the first pass" in own) == (row["stratum"] is None)
        assert ("proxy object" in own) == (row["object_source"] == "proxy")
        assert (f'href="strips-1.html#image-{row["image_id"]}"' in own) == (
            row["image_id"] in shown
        )


def test_pages_hold_a_dozen(tmp_path: Path) -> None:
    links = strip_links(list(range(30)), [77])
    assert links[11] == "strips-1.html#image-11" and links[12] == "strips-2.html#image-12"
    assert links[77] == "leaning-1.html#image-77"
    assert STRIPS_PER_PAGE == 12


def test_strips_are_bounded_and_confirmed_findings_kept(
    run: SmallRun, monkeypatch: pytest.MonkeyPatch, tables: numbers.Tables
) -> None:
    monkeypatch.setattr("reports.background.background_exemplars.STRIPS_SHOWN", 3)
    chosen = choose_background_exemplars(load_tables(RunFolder(run.folder)))
    wanted = {
        image_id
        for row in tables["findings"]
        if row["confirmed"]
        for image_id in row["exemplars"][:2]
    }
    order = [row["image_id"] for row in sampled(tables, correct=False)]
    assert set(chosen.strips) >= wanted & set(order)
    assert chosen.strips == [image_id for image_id in order if image_id in chosen.strips]
    assert len(chosen.strips) == max(3, len(wanted & set(order)))


def test_an_intervention_without_words_is_an_error(tmp_path: Path) -> None:
    run = write_small_run(tmp_path)
    numbers.write(run.folder)
    folder = RunFolder(run.folder)
    rows = folder.dataset("evidence").to_table().to_pylist()
    for row in rows:
        row["intervention"] = "painted"
    numbers.store(folder, "evidence", rows)
    with pytest.raises(AuditError, match="no words for the intervention 'painted'; known are back"):
        build_report(run.folder)
