"""The page of synthetic inputs, from arrays alone."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from reports.views.units_page import write_units_page
from tasks.errors import AuditError
from tasks.views.synthetic_pictures import SyntheticGroup, SyntheticPicture, SyntheticView
from tests.reports.page import Page

SETTINGS: dict[str, Any] = {
    "model": "/home/me/nets/model.py:build", "layer": "features", "size": 32, "steps": 256,
    "learning_rate": 0.05, "per_unit": 1, "parametrisation": "fourier", "smoothness": 20.0,
    "centre": False, "seed": 0,
}  # fmt: skip


def picture(index: int, name: str = "", state: str = "ok", **other: Any) -> SyntheticPicture:
    pixels = np.random.default_rng(index).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    numbers = {"activation": 12.34, "start": 0.1, "noise": -0.456, "steps": 256, **other}
    return SyntheticPicture(index, name, pixels, state=state, **numbers)


def view(**settings: Any) -> SyntheticView:
    units = (
        picture(3), picture(5, state="dead", steps=0), picture(6, steps=40),
        picture(7, state="no_gain"), picture(9, state="not_finite", activation=float("nan")),
    )  # fmt: skip
    classes = (picture(1, "<b>fish</b>"),)
    return SyntheticView(
        {**SETTINGS, **settings},
        (
            SyntheticGroup("features", 64, (4, 4), units),
            SyntheticGroup("", 1000, (1, 1), classes),
        ),
    )


def test_pictures_are_the_arrays_to_the_last_bit(tmp_path: Path) -> None:
    folder = write_units_page(view(), tmp_path / "out").parent
    images = Page(folder / "index.html").all("img")
    assert len(images) == 3
    for image, expected in zip(images, (picture(3), picture(6), picture(1)), strict=True):
        pixels = cv2.imread(str(folder / image["src"]))
        assert np.array_equal(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), expected.pixels)


def test_numbers_and_states_are_told(tmp_path: Path) -> None:
    text = Page(write_units_page(view(), tmp_path / "out")).text
    assert "What excites model.py:build" in text
    assert "5 of 64 units, on a grid of 4 × 4 cells" in text
    assert "unit 3 activation 12.3 random picture −0.456" in text
    assert "dead: no gradient at any step unit 5" in text
    assert "no stronger than a random picture unit 7" in text
    assert "activation is not finite unit 9 random picture" in text
    assert "at rest since step 40" in text
    assert "<b>fish</b> class 1 logit 12.3" in text
    assert "nan" not in text


def test_names_are_text_and_links_lead_somewhere(tmp_path: Path) -> None:
    page = Page(write_units_page(view(), tmp_path / "out"))
    assert not page.all("b")
    targets = [tag.get("href") or tag.get("src") or "" for _, tag in page.tags]
    files = [target for target in targets if target and not target.startswith(("#", "data:"))]
    assert len(files) > 6
    assert all((page.file.parent / file).is_file() for file in files)


def test_several_pictures_of_a_unit_are_numbered(tmp_path: Path) -> None:
    group = SyntheticGroup("features", 64, (4, 4), tuple(picture(i) for i in (3, 3, 8, 8)))
    page = Page(write_units_page(SyntheticView({**SETTINGS, "per_unit": 2}, (group,)), tmp_path))
    assert "2 of 64 units" in page.text
    assert "unit 8 picture 2 activation" in page.text


def test_view_json_has_the_numbers(tmp_path: Path) -> None:
    folder = write_units_page(view(), tmp_path / "out").parent
    facts = json.loads((folder / "view.json").read_text())
    assert facts["kind"] == "units"
    assert facts["settings"]["steps"] == 256
    rows = facts["groups"][0]["pictures"]
    assert [row["state"] for row in rows] == ["ok", "dead", "ok", "no_gain", "not_finite"]
    assert rows[0]["activation"] == 12.34
    assert (rows[0]["file"], rows[1]["file"]) == ("pictures/units/0.png", "")
    assert rows[4]["activation"] is None


def test_an_earlier_view_is_replaced_and_other_work_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_units_page(view(), folder)
    (folder / "left-over.html").write_text("of an earlier view")
    write_units_page(view(seed=1), folder)
    assert not (folder / "left-over.html").exists()
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "thesis.tex").write_text("years of work")
    with pytest.raises(AuditError, match=r"holds no view of camaudit.*Give another --out"):
        write_units_page(view(), thesis)
    assert [file.name for file in thesis.iterdir()] == ["thesis.tex"]
    with pytest.raises(AuditError, match="is a file"):
        write_units_page(view(), thesis / "thesis.tex")


def test_an_empty_folder_is_written_to(tmp_path: Path) -> None:
    assert write_units_page(view(), tmp_path).is_file()
