"""What is drawn: the model's view, colours on one scale, and nothing where there is nothing."""

import re
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from reports.colour_scale import choose_scale, choose_scales
from reports.colours import positive_png, signed_png
from reports.formats import significant
from reports.model_view import draw_view
from reports.pictures import draw_pictures, with_maps
from reports.stored_maps import fetch_maps
from reports.tables import load_tables
from tasks.images.geometry import place
from tasks.tables.storage import RunFolder
from tests.reports.drawn_maps import drawn_values, rgba
from tests.reports.page import Page
from tests.reports.small_run import CROP, EMPTY, GRID, NOT_FINITE, SmallRun


def dataset_limit(run: SmallRun, role: str) -> float:
    peaks = [r["scale"] for r in run.rows["heatmaps"] if r["role"] == role and r["scale"] > 0]
    return float(np.percentile(np.float32(peaks), 99))


def stored_map(run: SmallRun, image_id: int, role: str) -> npt.NDArray[np.float64]:
    (row,) = (r for r in run.rows["heatmaps"] if r["image_id"] == image_id and r["role"] == role)
    return row["scale"] * np.array(row["heatmap"]).reshape(GRID, GRID)


@pytest.mark.parametrize(("role", "kind"), [("predicted", "positive"), ("contrast", "signed")])
def test_a_page_holds_the_maps_values_on_the_scale_of_the_dataset(
    run: SmallRun, report: Path, role: str, kind: str
) -> None:
    """To half a step of a byte: 1/255, or 1/127 where there are two signs."""
    mistake = next(row for row in run.rows["predictions"] if not row["correct"])
    case = (report / "mistakes-1.html").read_text().split(f'id="case-{mistake["image_id"]}"')[1]
    plates = [drawn_values(text) for text in re.findall(r'data-map="([^"]+)"', case)]
    found = plates[["contrast", "predicted"].index(role)]
    expected = stored_map(run, mistake["image_id"], role) / dataset_limit(run, role)
    step = np.abs(expected).max() / (127 if kind == "signed" else 255)
    assert found[0] == kind
    np.testing.assert_allclose(found[1], expected, atol=0.51 * step)


def test_colours_are_those_of_inferno_fading_out() -> None:
    plateau = np.full((3, 3), 0.6, np.float32)
    picture = rgba(positive_png(plateau, 1.0))
    colour = matplotlib.colormaps["inferno"](0.35 + 0.65 * 0.6)[:3]
    np.testing.assert_allclose(
        picture[12, 12], [*(255 * np.array(colour)), 255 * 0.6**0.8], atol=10
    )


def test_legend_states_the_scale_of_the_dataset(run: SmallRun, report: Path) -> None:
    text = Page(report / "mistakes-1.html").text
    assert f"Evidence for a class 0 ≥ {significant(dataset_limit(run, 'predicted'))}" in text
    assert f"≥ +{significant(dataset_limit(run, 'contrast'))}" in text


def test_a_fainter_map_is_drawn_fainter() -> None:
    cell = np.full((3, 3), 1.0, np.float32)
    strong, faint = (rgba(positive_png(share * cell, 1.0)) for share in (1.0, 0.25))
    assert strong[12, 12, 3] == 255
    assert faint[12, 12, 3] == pytest.approx(255 * 0.25**0.8, abs=1)


def test_contrast_is_red_for_and_blue_against_the_predicted_class() -> None:
    raw = np.array([[2.0] * 2 + [0.0] * 4 + [-2.0] * 2] * 3, np.float32)
    picture = rgba(signed_png(raw, 1.0))[12]
    assert picture[4, 0] > picture[4, 2] + 80  # red over blue
    assert picture[60, 2] > picture[60, 0] + 80
    assert picture[32, 3] == 0
    assert picture[4, 3] == picture[60, 3] == 255


@pytest.mark.parametrize(
    ("peaks", "percentile"),
    [([1.0] * 100, 99), ([1.0] * 94 + [50.0] * 6, 90), ([0.01] * 80 + [9.0] * 20, 75)],
)
def test_a_few_huge_peaks_do_not_hide_the_others(peaks: list[float], percentile: int) -> None:
    scale = choose_scale(pd.Series(peaks))
    assert scale.percentile == percentile
    assert scale.limit == pytest.approx(np.percentile(peaks, percentile))


def test_scale_of_no_map_is_one() -> None:
    assert choose_scale(pd.Series([np.nan, 0.0])).limit == 1.0


@pytest.mark.parametrize(
    ("image_id", "badge"), [(EMPTY, "no positive evidence"), (NOT_FINITE, "map is not finite")]
)
def test_a_map_without_evidence_is_a_badge_and_is_not_drawn(
    run: SmallRun, image_id: int, badge: str, tmp_path: Path
) -> None:
    tables = load_tables(RunFolder(run.folder))
    keys = {(image_id, "predicted")}
    raw = fetch_maps(tables.run, keys)
    pictures = draw_pictures(tables, {image_id}, tmp_path)
    [drawn] = with_maps(tables, pictures, keys, raw, choose_scales(tables))
    found = drawn.maps["predicted"]
    assert (found.data, found.badge) == ("", badge)


def test_badges_stand_on_pages(report: Path) -> None:
    texts = [Page(page).text for page in report.rglob("*.html")]
    for badge in ("no positive evidence", "map is not finite"):
        assert any(badge in text for text in texts)


def test_view_is_the_square_that_the_model_sees(run: SmallRun, report: Path) -> None:
    mistake = next(r for r in run.rows["predictions"] if not r["correct"])
    row = run.rows["manifest"][mistake["image_id"]]
    image = cv2.imread(row["uri"])[..., ::-1]
    height, width = image.shape[:2]
    scale = 128 / min(width, height)
    resized = cv2.resize(image, (int(width * scale), int(height * scale)), None, 0, 0, 3)
    top, left = ((side - CROP) // 2 for side in resized.shape[:2])
    expected = resized[top : top + CROP, left : left + CROP].astype(float)
    shown = cv2.imread(str(report / "images" / f"{mistake['image_id']}.jpg"))[..., ::-1]
    assert shown.shape == (CROP, CROP, 3)
    assert np.abs(shown - expected).mean() < 4


def test_a_large_view_is_shrunk_to_224() -> None:
    view = draw_view(np.zeros((600, 900, 3), np.uint8), place(900, 600, 512, 448))
    assert view.shape == (224, 224, 3)


def test_boxes_lie_in_the_view(run: SmallRun, report: Path) -> None:
    row = next(r for r in run.rows["manifest"] if r["image_id"] == 25)
    left, top, right, bottom = row["boxes"][0]  # of an image of 200 x 150, resized to 170 x 128
    across, down = 170 / 200, 128 / 150
    edges = [left * across - 29, top * down - 8, right * across - 29, bottom * down - 8]
    x0, y0, x1, y1 = (round(edge, 1) for edge in edges)
    paths = [path["d"] for path in Page(report / "mistakes-1.html").all("path")]
    assert f"M{x0} {y0}H{x1}V{y1}H{x0}Z" in paths
