"""Context clusters, patterns of evidence and the limits, against their tables."""

import re
from pathlib import Path

import pytest
from scipy.stats import binomtest

from reports.background.background_exemplars import choose_background_exemplars
from reports.tables import load_tables
from tasks.tables.storage import RunFolder
from tests.reports import background_numbers as numbers
from tests.reports.page import Page
from tests.reports.small_run import CLASSES, GRID, IMAGES, SmallRun


@pytest.fixture(scope="module")
def tables(run: SmallRun) -> numbers.Tables:
    return numbers.rows_of(run.folder)


def articles(report: Path) -> list[str]:
    return (report / "contexts.html").read_text().split('<article class="context" ')[1:]


def test_the_largest_confirmed_difference_comes_first(tables: numbers.Tables, report: Path) -> None:
    def largest(cluster: int) -> float:
        own = [r for r in tables["context_risks"] if r["cluster"] == cluster]
        return max((r["risk_difference"] for r in own if r["q_value"] <= 0.1), default=-1.0)

    shown = [int(re.match(r'id="context-(\d+)"', part).group(1)) for part in articles(report)]  # type: ignore[union-attr]
    assert sorted(shown) == [0, 1, 2]
    assert shown == sorted(shown, key=lambda cluster: -largest(cluster))
    assert shown[0] == 1  # whose larger, unconfirmed difference does not count


def test_cells_are_marked_where_they_lie(tables: numbers.Tables, report: Path) -> None:
    rows = {row["cluster"]: row for row in tables["context_clusters"]}
    for part in articles(report):
        row = rows[int(re.match(r'id="context-(\d+)"', part).group(1))]  # type: ignore[union-attr]
        ids = [int(i) for i in re.findall(r'src="images/(\d+)\.jpg"', part)]
        assert ids == row["exemplars"][:8][: len(ids)]
        marks = re.findall(r'<rect x="(\d+)" y="(\d+)" width="1" height="1"/>', part)
        expected = [(c % GRID, c // GRID) for c in row["exemplar_cells"][:8]]
        assert [(int(x), int(y)) for x, y in marks] == expected
        assert f'viewBox="0 0 {GRID} {GRID}"' in part


def test_risks_stand_with_their_denominators(tables: numbers.Tables, report: Path) -> None:
    page = Page(report / "contexts.html")
    for row in tables["context_risks"]:
        present = f"{10 * row['predicted_present']:.1f} %{row['predicted_present']} of 10"
        absent = f"{100 * row['predicted_absent'] / 15:.1f} %{row['predicted_absent']} of 15"
        low, high = (f"{100 * row[end]:.1f}".replace("-", "−") for end in ("low", "high"))
        difference = f"{100 * row['risk_difference']:+.1f} [{low}, {high}]".replace("+-", "−")
        q = f"{row['q_value']:.3f}" + "replicated" * (row["q_value"] <= 0.1)
        cells = page.row(CLASSES[row["class_idx"]])
        assert cells[1:] == [present, absent, difference, q]


def test_share_of_images_has_its_interval(tables: numbers.Tables, report: Path) -> None:
    text = Page(report / "contexts.html").text
    for row in tables["context_clusters"]:
        bounds = binomtest(row["images"], IMAGES).proportion_ci(method="wilson")
        share = f"{100 * row['images'] / IMAGES:.1f} %"
        assert f"{share} [{100 * bounds.low:.1f}, {100 * bounds.high:.1f}] of 40 images" in text


@pytest.mark.parametrize("class_idx", range(4))
def test_clusters_stand_on_the_patterns_of_their_class_else_on_its_page(
    tables: numbers.Tables, report: Path, class_idx: int
) -> None:
    labelled = class_idx < 3
    other, folder = ("classes", "patterns") if labelled else ("patterns", "classes")
    page = Page(report / folder / f"{class_idx}.html")
    assert not labelled or "Patterns of evidence" not in Page(report / other / page.file.name).text
    own = [row for row in tables["explanation_clusters"] if row["class_idx"] == class_idx]
    assert len(own) == 2
    for row in own:
        assert f"{row['name']} {row['images']} image" in page.text
        low, high = 100 * row["accuracy_low"], 100 * row["accuracy_high"]
        accuracy = f"Accuracy {100 * row['accuracy']:.1f} % [{low:.1f}, {high:.1f}]"
        assert f"{accuracy} of {row['labelled']} labelled image" in page.text
    source = page.file.read_text()
    parts = source.split('<li class="pattern">')[1:]
    order = sorted(own, key=lambda row: (-row["images"], row["cluster"]))
    for row, part in zip(order, parts, strict=True):
        ids = [int(i) for i in re.findall(r'src="\.\./images/(\d+)\.jpg"', part.split("</li>")[0])]
        assert ids == [i for i in row["exemplars"][:4] if i in ids]
        assert len(ids) == min(4, len(row["exemplars"]))


def test_pictures_of_patterns_keep_to_their_budget(
    run: SmallRun, monkeypatch: pytest.MonkeyPatch, tables: numbers.Tables
) -> None:
    stored = load_tables(RunFolder(run.folder))
    budget = "reports.background.background_exemplars.PICTURES_OF_PATTERNS"
    for pictures, patterns, each in ((16, 8, 2), (3, 3, 1)):
        monkeypatch.setattr(budget, pictures)
        chosen = choose_background_exemplars(stored).patterns
        assert len(chosen) == patterns
        assert all(len(ids) == each for ids in chosen.values())
    largest = sorted(
        tables["explanation_clusters"], key=lambda r: (-r["images"], r["class_idx"], r["cluster"])
    )
    assert list(chosen) == [(r["class_idx"], r["cluster"]) for r in largest[:3]]


def test_limits_are_told_with_numbers(tables: numbers.Tables, report: Path) -> None:
    text = Page(report / "limits.html").text
    facts = tables["facts"][0]
    verdicts = tables["verdicts"]
    sampled = facts["tested_suspicious"] + facts["tested_random"]
    assert f"{sampled} of 40 labelled images ({100 * sampled / 40:.1f} %)" in text
    assert f"{facts['tested_suspicious']} for the highest scores" in text
    untested = facts["mistakes"] - facts["tested_mistakes"]
    assert f"{untested} of {facts['mistakes']} mistakes. The verdict on each" in text
    assert f"{facts['forwards']}: {facts['forwards'] / 40:.2f} per labelled image" in text
    assert "above 0.35 for one in twenty" in text
    tested = [row for row in verdicts if row["stratum"]]
    unsure = sum(row["verdict"] == "undetermined" for row in tested)
    assert f"that other changes upset as well: {unsure} of {len(tested)} tested images" in text
    sources = facts["object_sources"]
    told = f"from a mask {sources['mask']}; from boxes {sources['box']}; a proxy {sources['proxy']}"
    assert f"{told}; none {sources['none']}" in text
    assert f"{100 * sources['proxy'] / 40:.1f} % of 40 labelled images" in text
    placebos = sorted(row["placebo_gap"] for row in verdicts if row["stratum"])
    middle = (placebos[len(placebos) // 2 - 1] + placebos[len(placebos) // 2]) / 2
    assert len(placebos) % 2 == 0 and f"by {middle:.2f} (median" in text
    assert f"{facts['donors']} images lent their backgrounds" in text
    assert "4 pairs of cluster and class were found on one half" in text
    assert "(at most 25 images of other classes)" in text
    wrong = {row["image_id"] for row in verdicts if not row["correct"]}
    for source, words in (("mask", "masks"), ("box", "boxes"), ("proxy", "proxies")):
        own = [
            r
            for r in tables["background"]
            if r["object_source"] == source and r["image_id"] in wrong
        ]
        means = [
            100 * sum(r[name] for r in own) / len(own)
            for name in ("score", "uniform_score", "centre_score", "border_score")
        ]
        said = text[text.index(f"Baselines of the first pass, with {words}") :][:400]
        assert f"Over {len(own)} mistake" in said
        assert re.findall(r"([\d.]+) %", said)[:4] == [f"{mean:.1f}" for mean in means]


def test_overview_keeps_a_short_version(report: Path) -> None:
    page = Page(report / "index.html")
    full = Page(report / "limits.html")
    terms = len(full.all("dt"))
    assert f"All {terms} limits of this audit" in page.text
    assert "What this audit cannot see" in page.text
    assert len(page.all("dt")) < terms + 20
    assert "The border that the crop removes" in full.text
    assert "The border that the crop removes" not in page.text
