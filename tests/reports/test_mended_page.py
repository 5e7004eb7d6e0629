"""Mended classes and worst groups on the page of two audits, and in words."""

from pathlib import Path

import pytest

from reports.diff.diff_page import write_diff_page
from reports.diff.diff_sentences import headlines
from tasks.diff.stage import Difference, compare_runs
from tests.reports.page import Page
from tests.tasks.compared_runs import write_run
from tests.tasks.test_mended import SHORTCUT, shown

STILL = {"kind": "label", "label": 0, "subject": "mistakes on ant", "p_value": 1e-6}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Difference:
    """Bees are mended, ants in part: 20 of 40 ants at sea were taken for bees, then one."""
    folder = tmp_path_factory.mktemp("runs")
    return compare_runs(
        write_run(folder / "before", shown(20), findings=[SHORTCUT, STILL]),
        write_run(folder / "after", shown(1), findings=[STILL]),
    )


def test_headlines_say_which_classes_are_mended(two: Difference) -> None:
    told = headlines(two)
    assert told[1].startswith(
        "bee is mended: 1 confirmed finding of A is gone; images of other classes in scene = sea "
        "taken for it 50.0 % to 2.5 %, −47.5 points [−"
    )
    # All 20 of the 80 ants were mistaken for what lies behind them, then one; a finding is left.
    assert told[2].startswith(
        "ant is mended in part: mistakes on ant in B; its images mistaken because of the "
        "background 25.0 % to 1.2 %, −23.8 points [−"
    )
    # 60 of 80 ants, then 79; all 40 bees. Of the ants at sea 20 of 40, then 39.
    assert told[3].startswith(
        "Accuracy of the worst group by class: 75.0 % (ant, 80 images) to 98.8 % (ant, 80 images), "
        "+23.8 points ["
    )
    assert told[4].startswith(
        "Accuracy of the worst group by scene: 50.0 % (ant, scene = sea, 40 images) to 97.5 % "
        "(ant, scene = sea, 40 images), +47.5 points ["
    )


def test_the_page_shows_the_evidence(two: Difference, tmp_path: Path) -> None:
    page = Page(write_diff_page(two, tmp_path / "diff"))
    part = page.text.split("Mended classes")[1].split("Over the images in both")[0]
    assert part.index("bee mended") < part.index("ant mended in part")
    assert "Images of other classes in scene = sea taken for it 50.0 %" in part
    assert "−47.5 better" in part
    # Of the 20 mistakes on ants all are driven, of the one that is left, too.
    assert "Background-driven, of its mistakes 100.0 %" in part
    assert "class and scene3 groups" in part.replace("scene 3", "scene3")


def test_without_findings_there_is_nothing_to_mend(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name, shown(20)) for name in "ab"]
    found = compare_runs(*runs)
    assert "Mended classes" not in Page(write_diff_page(found, tmp_path / "diff")).text
    assert not any("mended:" in words for words in headlines(found))
