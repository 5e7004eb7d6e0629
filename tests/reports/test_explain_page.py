"""The page of `camaudit explain`, drawn from arrays that are known."""

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from reports.formats import magnitude
from reports.views.explain_colours import colour_concepts, colour_saliency, saliency_limit
from reports.views.explain_page import write_explain_page
from tasks.errors import AuditError
from tasks.views.explanation import (
    ClassFact,
    ClassViews,
    Concepts,
    ExplainedImage,
    Explanation,
    Heatmap,
    Kernels,
    Missing,
    PixelView,
    RandomisedView,
    SanityRow,
    UnitMaps,
)
from tests.reports.page import Page

SIDE = 32
ODD = "<eel> & co"


def corner(value: float, at: tuple[int, int] = (0, 0)) -> np.ndarray:
    """A map of 4 x 4 cells that is zero but for one."""
    values = np.zeros((4, 4), np.float32)
    values[at] = value
    return values


def an_image(uri: str) -> ExplainedImage:
    first, second = ClassFact(3, ODD, 2.0, 0.5164, 1), ClassFact(0, "ape", 1.0, 0.0003, 2)
    gradient = np.zeros((3, SIDE, SIDE), np.float32)
    gradient[0, :16] = -2.0  # red, upper half, negative
    gradient[2, 16:] = 1.0  # blue, lower half
    return ExplainedImage(
        name="1.png",
        uri=uri,
        view=np.full((SIDE, SIDE, 3), 90, np.uint8),
        top=(first, second),
        top_maps=(
            Heatmap("gradcam++", "Grad-CAM++", corner(4.0)),
            Heatmap("gradcam++", "Grad-CAM++", corner(1.0, (3, 3))),
        ),
        classes=(
            ClassViews(
                first,
                (
                    Heatmap("gradcam", "Grad-CAM", corner(0.25)),
                    Heatmap("hirescam", "HiResCAM", corner(3.0) - corner(1860.0, (3, 3))),
                    Heatmap("layercam", "LayerCAM", corner(0.0)),
                    Heatmap("xgradcam", "XGrad-CAM", corner(math.nan)),
                ),
                (
                    PixelView("Guided backpropagation", gradient, f"the logit of {ODD}", True),
                    PixelView("Deconvnet", np.zeros_like(gradient), "unit 7 of relu", True),
                ),
            ),
        ),
        concepts=Concepts(np.stack([corner(1.0), corner(0.0)]), (1.0, 0.0), 0.875),
        sanity=(
            SanityRow(
                "Grad-CAM++",
                (
                    RandomisedView("", corner(4.0), 1.0),
                    RandomisedView("head", corner(2.0), -0.456),
                    RandomisedView("conv1", corner(0.0), math.nan),
                ),
                False,
            ),
        ),
        features=(UnitMaps("relu", "ReLU", np.stack([corner(8.0), corner(2.0)]), (11, 5), 12),),
    )


def explanation(*uris: str) -> Explanation:
    weights = np.zeros((2, 3, 3, 3), np.float32)
    weights[0, 0] = 1.0  # answers to red
    return Explanation(
        images=tuple(an_image(uri) for uri in uris),
        kernels=(
            Kernels("conv1", weights, (9, 4), (0, 1, 2), 10),
            Kernels("conv2", np.ones((2, 4, 3, 3), np.float32), (1, 0), (3, 1, 0, 2), 2),
        ),
        missing=(Missing("IS-CAM", "takes 9 forwards per live unit; --slow draws it"),),
        facts={
            "model": "model.py:build", "weights": None, "classes": 4, "target": "logit",
            "target_layers": ["relu"], "sanity": True, "exact": False, "device": "cpu",
            "preprocessing": {
                "resize": 32, "crop": 32, "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2],
                "interpolation": "bilinear",
            },
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page") / "out"
    return write_explain_page(explanation("a/1.png", "b/1.png"), out).parent


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page(folder / "index.html")


def pictures(page: Page, alt: str) -> list[np.ndarray]:
    """RGBA of the picture with this alternative text, or of the map that lies over it."""
    found = []
    images = page.all("img")
    for place, image in enumerate(images):
        if image["alt"] == alt:
            lies_over = place + 1 < len(images) and images[place + 1].get("class") == "map"
            src = images[place + 1 if lies_over else place]["src"]
            pixels = cv2.imread(str(page.file.parent / src), cv2.IMREAD_UNCHANGED)
            code = cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGBA
            found.append(cv2.cvtColor(pixels, code))
    return found


def test_classes_with_their_probabilities(page: Page) -> None:
    assert f"{ODD} 51.6 %" in page.text
    assert "ape < 0.1 %" in page.text
    assert "rank 2, logit 1.00" in page.text
    assert "the strongest colour is 4." in page.text


def test_classes_of_a_panel_share_their_scale(page: Page) -> None:
    """A quarter of the largest peak has the opacity of a quarter; its place is its cell."""
    (first, _), (second, _) = (
        pictures(page, f"Grad-CAM++, Grad-CAM++ of {name}, over 1.png") for name in (ODD, "ape")
    )
    assert first[4, 4, 3] == pytest.approx(255, abs=25)
    assert second[27, 27, 3] == pytest.approx(first[4, 4, 3] * 0.25**0.8, abs=3)
    assert first[27, 27, 3] == second[4, 4, 3] == 0


def test_methods_have_scales_of_their_own(page: Page) -> None:
    own = pictures(page, f"Grad-CAM, {ODD}, over 1.png")[0]
    assert own[4, 4, 3] == pytest.approx(255, abs=25)
    signed = pictures(page, f"HiResCAM, {ODD}, over 1.png")[0]
    red, _, blue, opacity = (int(channel) for channel in signed[28, 28])
    assert blue > red and opacity > 200
    assert "Grad-CAM peak 0.25" in page.text
    assert "HiResCAM peak 1,860" in page.text


def test_maps_that_are_no_evidence_are_named_and_not_drawn(page: Page) -> None:
    images = page.all("img")
    for alt in (
        f"LayerCAM, {ODD}, over 1.png: no positive evidence",
        f"XGrad-CAM, {ODD}, over 1.png: map is not finite",
        f"conv1, {ODD}, over 1.png: no positive evidence",
    ):
        places = [place for place, image in enumerate(images) if image["alt"] == alt]
        assert len(places) == 2  # one per image
        assert all(images[place + 1].get("class") != "map" for place in places)
    assert "nothing comes back to the pixels" in page.text


def test_guided_backpropagation_in_its_colours(page: Page) -> None:
    drawn = pictures(page, f"Guided backpropagation, {ODD}, of 1.png")[0]
    # Red at -limit over grey, and blue at half of the limit.
    np.testing.assert_array_equal(drawn[3, 3], [0, 128, 128, 255])
    np.testing.assert_array_equal(drawn[30, 3], [128, 128, 191, 255])


def test_sanity_names_layers_and_correlations(page: Page) -> None:
    assert "head ρ −0.46" in page.text
    assert "conv1 ρ –" in page.text


def test_units_stand_at_their_tiles(page: Page) -> None:
    """Two tiles of 48 pixels with a gap of 4: the second begins at 52 of 100."""
    labels = [span["style"] for span in page.all("span") if "left:" in span.get("style", "")]
    assert labels[:2] == ["left:0.0%;top:0.0%", "left:52.0%;top:0.0%"]
    assert "One scale for all: the strongest colour is 8" in page.text
    own, common = (
        pictures(page, f"Feature maps of the strongest units of relu. {name}")[0]
        for name in ("Each on a scale of its own", "One scale for all")
    )
    assert tuple(own[6, 6]) == tuple(own[6, 58]) == tuple(common[6, 6])
    assert common[6, 58, :3].sum() < own[6, 58, :3].sum()


def test_kernels_once_with_their_numbers(page: Page) -> None:
    first = pictures(page, "Kernels of conv1. Each on a scale of its own")
    assert len(first) == 1
    assert tuple(first[0][6, 6]) == (255, 128, 128, 255)
    assert "2 of 10 units, 3 × 3" in page.text
    assert "Rows, units: 1, 0" in page.text and "Columns, channels: 3, 1, 0, 2" in page.text


def test_what_is_missing_is_named(page: Page) -> None:
    assert "IS-CAM takes 9 forwards per live unit" in page.text


def test_two_files_of_one_name(page: Page, folder: Path) -> None:
    assert "a/1.png" in page.text and "b/1.png" in page.text
    views = [i["src"] for i in page.all("img") if i["alt"] == "1.png as the model sees it"]
    assert len(set(views)) == 2
    links = [link["href"] for link in page.all("a") if link["href"].startswith("#image")]
    assert links == ["#image-1", "#image-2"]
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids)) and {"image-1", "image-2"} <= set(ids)


def test_numbers_for_other_programs(folder: Path) -> None:
    facts = json.loads((folder / "view.json").read_text())
    assert facts["kind"] == "explain"
    assert facts["images"][1]["top"][0]["probability"] == 0.5164
    states = {each["method"]: each["state"] for each in facts["images"][0]["maps"]}
    assert states["layercam"] == "empty" and states["xgradcam"] == "not_finite"
    correlations = [each["correlation"] for each in facts["images"][0]["sanity"]]
    assert correlations == [-0.456, None]


def test_one_image_needs_no_contents(tmp_path: Path) -> None:
    page = Page(write_explain_page(explanation("a/1.png"), tmp_path / "out"))
    assert "What model.py:build sees in 1 image" in page.text
    assert not [nav for nav in page.all("nav") if nav.get("class") == "contents"]


def test_an_earlier_page_stays_if_drawing_fails(tmp_path: Path) -> None:
    file = write_explain_page(explanation("a/1.png"), tmp_path / "out")
    before = file.read_bytes()
    broken = explanation("b/1.png")
    del broken.facts["preprocessing"]
    with pytest.raises(KeyError):
        write_explain_page(broken, tmp_path / "out")
    assert file.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_other_work_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(AuditError, match="holds no view"):
        write_explain_page(explanation("a/1.png"), tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.tex"]


def test_few_strong_pixels_do_not_hide_the_rest() -> None:
    values = np.full((3, 20, 20), 0.5, np.float32)
    values[0, 0, 0] = 100.0
    assert saliency_limit(values) == 0.5
    alone = np.zeros((3, 20, 20), np.float32)
    alone[1, 2, 3] = -7.0
    assert saliency_limit(alone) == 7.0
    assert tuple(colour_saliency(alone, signed=True)[2, 3]) == (128, 0, 128, 255)


def test_unsigned_saliency_takes_the_largest_channel() -> None:
    values = np.zeros((3, 2, 2), np.float32)
    values[:, 0, 0] = (0.1, -1.0, 0.5)
    values[:, 1, 1] = (1.0, 0.0, 0.0)
    drawn = colour_saliency(values, signed=False)
    assert tuple(drawn[0, 0]) == tuple(drawn[1, 1]) != tuple(drawn[0, 1])


def test_the_largest_concept_gives_the_colour() -> None:
    drawn = colour_concepts(np.stack([corner(1.0), corner(0.36, (3, 3))]), 1.0)
    assert tuple(drawn[1, 1]) == (230, 159, 0, 255)
    assert tuple(drawn[30, 30]) == (86, 180, 233, 153)
    assert drawn[30, 1, 3] == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (0.0345, "0.0345"), (0.5, "0.5"), (999.4, "999"), (999.6, "1,000"),
        (1860.2, "1,860"), (-1860.2, "−1,860"), (2.8e-10, "2.8 · 10⁻¹⁰"), (3e7, "3.0 · 10⁷"),
        (-2.8e-4, "−2.8 · 10⁻⁴"),
    ],
)  # fmt: skip
def test_magnitudes_of_any_size(value: float, text: str) -> None:
    assert magnitude(value) == text
