"""The page of two audits: numbers worked out by hand, pictures held against their maps."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from reports.colour_scale import choose_scale
from reports.colours import positive_png
from reports.diff.diff_page import run_names, write_diff_page
from reports.diff.diff_sentences import headlines
from tasks.diff.stage import Difference, compare_runs
from tasks.errors import AuditError
from tasks.tables import diff_schemas
from tests.reports.page import Page
from tests.tasks.compared_runs import image, write_run
from tests.tasks.tiny_audit import draw


def spot(row: int, col: int, peak: float) -> np.ndarray:
    raw = np.full((4, 4), 0.1)
    raw[row, col] = peak
    return raw


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Difference:
    """20 ants: A has 18 right, B 10 (9 lost, 1 mended); 12 bees right in both; a cat only in B."""
    folder = tmp_path_factory.mktemp("runs")
    a: list[dict[str, Any]] = []
    b: list[dict[str, Any]] = []
    for i in range(32):
        file = draw(folder / "images" / f"{i:02d}.png", seed=i, size=(40, 36))
        label = 0 if i < 20 else 1
        right_a, right_b = i not in (18, 19), i >= 20 or 9 <= i < 19
        facts = {"energy": 0.5, "tags": [("camera", str(i % 2))]}
        a.append(image(str(file), label, label if right_a else 1, map=spot(0, 0, 4.0), **facts))
        b.append(image(str(file), label, label if right_b else 2, map=spot(0, i % 4, 9.0),
                       **facts | {"energy": 0.4}))  # fmt: skip
    b.append(image(str(folder / "images" / "gone.png"), 2, 2, map=spot(0, 0, 9.0)))
    findings = [{"kind": "pair", "label": 0, "predicted": 2, "subject": "ant -> cat"}]
    units: dict[str, Any] = {"dead": (2,)}
    return compare_runs(
        write_run(folder / "before", a), write_run(folder / "after", b, findings=findings,
                                                   units=units, failures=1)
    )  # fmt: skip


@pytest.fixture(scope="module")
def page(two: Difference, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(write_diff_page(two, tmp_path_factory.mktemp("out") / "diff"))


def test_headlines_say_what_changed(two: Difference):
    told = headlines(two)
    # 30 of 32 and 22 of 32 in both.
    assert told[0].startswith("Accuracy over all images in both: 93.8 % to 68.8 %, −25.0 points [")
    assert any(
        words.startswith("ant lost 40.0 points of accuracy [") and
        words.endswith(": 90.0 % to 50.0 % of 20 images.") for words in told
    )  # fmt: skip
    assert "9 mistakes are new, 1 mended and 1 persistent, of 32 images in both." in told
    assert "1 confirmed finding new: ant → cat." in told
    assert any("Of the 4 units of layer4, 1 died" in words for words in told)
    assert not any(words.startswith(("bee lost", "bee gained")) for words in told)
    assert any(words.startswith("bee: object energy fell by 10.0 points") for words in told)


def test_the_page_holds_the_numbers(page: Page):
    assert "after against before" in page.text
    cells = page.row("Accuracyhigher is better")
    assert cells[1].startswith("93.8 %") and cells[2].startswith("68.8 %")
    assert cells[3].startswith("−25.0 worse")
    ant = page.row("ant")
    assert ant[1].startswith("−40.0 worse")
    assert "90.0 % → 50.0 %, 20" in ant[1]
    assert ant[-3:] == ["9", "1", "1"]
    assert "0 only in A, 1 only in B" in page.text
    assert "after: model of after, 33 images, 1 image unread" in page.text


def test_each_map_is_drawn_on_its_own_audits_scale(page: Page):
    folder = page.file.parent
    maps = [t for t in page.all("img") if t.get("class") == "map"]
    limits = [choose_scale(pd.Series(np.full(32, peak))).limit for peak in (4.0, 9.0)]
    expected = positive_png(spot(0, 0, 4.0).astype(np.float32), limits[0])
    assert (folder / maps[0]["src"]).read_bytes() == expected


def test_evidence_that_moved_farthest_comes_first(page: Page):
    moved = page.text.split("Evidence that moved most")[1].split("Findings")[0]
    names = [word for word in moved.split() if word.endswith(".png")]
    assert [int(name[:2]) % 4 for name in names[:8]] == [3] * 8


def test_every_picture_is_there(page: Page):
    for tag in page.all("img"):
        assert (page.file.parent / tag["src"]).stat().st_size > 0


def test_tables_lie_beside_the_page(page: Page, two: Difference):
    for name, table in two.tables.items():
        stored = pq.read_table(page.file.parent / f"{name}.parquet")
        assert stored.schema.equals(getattr(diff_schemas, name.upper()))
        assert stored.equals(table)


def test_names_are_told_apart():
    assert run_names(Path("/r/a"), Path("/r/b")) == ("a", "b")
    assert run_names(Path("/r/mon/run"), Path("/r/tue/run")) == ("mon/run", "tue/run")


def test_other_work_is_not_overwritten(two: Difference, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(AuditError, match="not empty"):
        write_diff_page(two, tmp_path)


def test_two_datasets_without_a_common_image(tmp_path: Path):
    a = [image(f"/a/x{i}.png", 0, 0 if i < 18 else 1) for i in range(20)]
    b = [image(f"/b/y{i}.png", 0, 0 if i < 4 else 1) for i in range(20)]
    changes = [{"config": {"images": folder}} for folder in ("/a", "/b")]
    runs = [write_run(tmp_path / n, rows, audit=c)
            for n, rows, c in zip("ab", (a, b), changes, strict=True)]  # fmt: skip
    found = compare_runs(*runs)
    page = Page(write_diff_page(found, tmp_path / "out"))
    assert "No image is in both" in page.text
    assert "Accuracy over all images of each: 90.0 % to 20.0 %, −70.0 points" in page.text
    assert "Mistakes New" not in page.text


def test_nothing_changed(tmp_path: Path):
    rows = [image(f"/a/{i}.png", i % 2, 0) for i in range(20)]
    found = compare_runs(write_run(tmp_path / "a", rows), write_run(tmp_path / "b", rows))
    told = headlines(found)
    assert "0.0 points" in told[0] and "not told apart from no change" in told[0]
    assert told[1:] == [
        "0 mistakes are new, 0 mended and 10 persistent, of 20 images in both.",
    ]


def test_audits_without_labels(tmp_path: Path):
    rows = [image(f"/a/{i}.png", -1, i % 2, map=spot(0, 0, 1.0)) for i in range(6)]
    moved = [row | {"map": spot(3, 3, 1.0)} for row in rows]
    found = compare_runs(write_run(tmp_path / "a", rows), write_run(tmp_path / "b", moved))
    page = Page(write_diff_page(found, tmp_path / "out"))
    assert "Evidence that moved most" in page.text
    assert "predicted, no label" in page.text
    assert headlines(found) == ["Neither audit has a labelled image here: accuracy is unknown."]


def test_what_came_through_new_images_is_told_apart(tmp_path: Path):
    before = [image(f"/a/{i}.png", 0, 0) for i in range(20)]
    added = [image(f"/a/new{i}.png", 0, 1) for i in range(20)]
    found = compare_runs(
        write_run(tmp_path / "a", before), write_run(tmp_path / "b", before + added)
    )
    told = headlines(found)
    assert told[0].startswith("Accuracy over all images in both: 100.0 % to 100.0 %, 0.0 points")
    (through,) = [words for words in told if words.startswith("Through images that only one")]
    assert "ant lost 50.0 points of accuracy [" in through
    assert through.endswith(": 100.0 % to 50.0 % of 20 and 40 images.")
    page = Page(write_diff_page(found, tmp_path / "out"))
    assert "Over all images of each" in page.text
