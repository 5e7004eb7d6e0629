"""The pages of patterns: their numbers against the tables, their crops against the images."""

import base64
import math
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from reports.build import build_report
from reports.formats import decimal, signed
from reports.patterns.class_rows import ClassPlan, plan_classes, regions_of_classes
from reports.patterns.nearest_classes import class_cosines, nearest_classes
from reports.patterns.placements import Placements
from reports.patterns.regions import choose_regions, region_boxes, region_keys
from reports.patterns.unit_choice import Caps, choose_caps, units_by_class
from reports.patterns.unit_layers import UnitLayer, crop_around
from reports.stored_maps import fetch_maps
from reports.tables import AuditTables, load_tables
from tasks.images.geometry import place
from tasks.tables.storage import RunFolder
from tests.reports import unit_numbers
from tests.reports.drawn_maps import drawn_values
from tests.reports.page import Page
from tests.reports.small_run import CLASSES, CROP, GRID, PLATEAU, SmallRun, write_small_run
from tests.reports.unit_numbers import CHANNELS, DUPLICATE, EARLY, FIRST, TARGET

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[SmallRun, dict[str, Rows]]:
    run = write_small_run(tmp_path_factory.mktemp("patterns"))
    return run, unit_numbers.write(run.folder)


@pytest.fixture(scope="module")
def tables(made: tuple[SmallRun, dict[str, Rows]]) -> AuditTables:
    return load_tables(RunFolder(made[0].folder))


@pytest.fixture(scope="module")
def built(made: tuple[SmallRun, dict[str, Rows]]) -> Path:
    return build_report(made[0].folder).parent


def contributions(rows: Rows, class_idx: int) -> Rows:
    mine = [r for r in rows if r["class_idx"] == class_idx and r["target_layer"] == TARGET]
    return sorted((r for r in mine if r["contribution"] > 0), key=lambda r: -r["contribution"])[:8]


def planned(tables: AuditTables) -> dict[int, ClassPlan]:
    regions = regions_of_classes(tables)
    return plan_classes(tables, regions, fetch_maps(tables.run, region_keys(regions)))[1]


@pytest.mark.parametrize("class_idx", [0, 1, 2])
def test_units_stand_by_contribution_with_their_numbers(
    made: tuple[SmallRun, dict[str, Rows]], built: Path, class_idx: int
) -> None:
    page = Page(built / "patterns" / f"{class_idx}.html")
    at = page.text.index("Class-specific units")
    expected = contributions(made[1]["unit_classes"], class_idx)
    assert 0 < len(expected) <= 8
    for row in expected:
        numbers = (
            f"Unit {row['unit']} Contribution {signed(row['contribution'], 3)} Mean difference "
            f"{signed(row['mean_difference'])} AUROC {decimal(row['auroc'], 3)}"
        )
        found = page.text.find(numbers, at)
        assert found > 0, numbers
        at = found
    shown = [tag["id"] for tag in page.all("li") if tag.get("id", "").startswith("unit-")]
    assert shown == [f"unit-{row['unit']}" for row in expected]


def test_each_unit_has_the_crops_of_the_class_that_excite_it_most(
    made: tuple[SmallRun, dict[str, Rows]], tables: AuditTables
) -> None:
    plans = planned(tables)
    for class_idx, plan in plans.items():
        for unit, crops in plan.units:
            rows = [
                r for r in made[1]["units"]
                if (r["target_layer"], r["class_idx"], r["unit"]) == (TARGET, class_idx, unit.unit)
            ]  # fmt: skip
            rows.sort(key=lambda r: r["rank"])
            assert [c.cut[0] for c in crops] == [r["image_id"] for r in rows[:6]]
            assert [c.activation for c in crops] == [r["activation"] for r in rows[:6]]


def test_a_crop_shows_the_image_around_the_cell_of_the_peak(
    made: tuple[SmallRun, dict[str, Rows]], built: Path
) -> None:
    """The first crop of the first unit, cut again by hand: 40 pixels of the view of 112."""
    run, written = made
    unit = contributions(written["unit_classes"], 1)[0]["unit"]
    row = next(
        r for r in written["units"]
        if (r["target_layer"], r["class_idx"], r["unit"], r["rank"]) == (TARGET, 1, unit, 0)
    )  # fmt: skip
    image = cv2.imread(run.rows["manifest"][row["image_id"]]["uri"])
    wide, high, left, top = (170, 128, 29, 8) if image.shape[1] == 200 else (128, 164, 8, 26)
    # The field of cell (0, 0) is centred on pixel -4 + 24 / 2, that of the next 16 further on.
    centre = [min(max(8 + 16 * row[axis], 0.36 * CROP / 2), CROP - 0.36 * CROP / 2)
              for axis in ("row", "col")]  # fmt: skip
    y0, x0 = (round(at - 0.36 * CROP / 2) for at in centre)
    y1, x1 = (round(at - 0.36 * CROP / 2 + 0.36 * CROP) for at in centre)
    down, across = image.shape[0] / high, image.shape[1] / wide
    rows = slice(math.floor((y0 + top) * down), math.ceil((y1 + top) * down))
    cols = slice(math.floor((x0 + left) * across), math.ceil((x1 + left) * across))
    side = max(image[rows, cols].shape[:2])  # below 128: pages enlarge it
    expected = cv2.resize(image[rows, cols], (side, side), interpolation=cv2.INTER_CUBIC)
    page = Page(built / "patterns" / "1.html")
    first = next(i for i in page.all("img") if i["alt"].startswith("Around the peak of unit"))
    content = base64.b64decode(first["src"].removeprefix("data:image/jpeg;base64,"))
    shown = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert side < 128 and shown.shape == (side, side, 3)
    assert np.abs(shown.astype(float) - expected).mean() < 3


def test_where_a_unit_sees_all_the_crop_is_around_the_cell() -> None:
    layer = UnitLayer("all", 4, 7, 7, None, None, None)
    assert layer.centre(3, 0, 112) == (56.0, 8.0)
    placement = place(224, 224, 112, 112)
    # 40.32 pixels of 112; the centre (56, 8) lies too near the edge and the crop moves inside.
    assert crop_around(layer, 3, 0, placement) == (72, 0, 152, 80)


def test_a_coarse_grid_has_larger_crops() -> None:
    assert UnitLayer("x", 4, 2, 3, None, None, None).crop_side(112) == 112
    assert UnitLayer("x", 4, 4, 5, None, None, None).crop_side(100) == 62.5
    assert UnitLayer("x", 4, 50, 50, None, None, None).crop_side(100) == pytest.approx(36)


def test_a_field_smaller_than_the_crop_is_drawn(tables: AuditTables) -> None:
    """24 of the 40 pixels, up to the rounding to pixels of the image, where nothing is cut off."""
    plans = planned(tables)
    crops = [crop for plan in plans.values() for _, crops in plan.units for crop in crops]
    whole = [c.inner for c in crops if c.inner and _is_inside(c.inner)]
    assert whole
    for inner in whole:
        assert inner[2] == pytest.approx(24 / 40, abs=0.07)
        assert inner[3] == pytest.approx(24 / 40, abs=0.07)


def _is_inside(inner: tuple[float, float, float, float]) -> bool:
    left, top, width, height = inner
    return min(left, top) > 0.1 and max(left + width, top + height) < 0.9


def test_mean_maps_are_drawn_for_right_and_wrong_images(
    made: tuple[SmallRun, dict[str, Rows]], built: Path
) -> None:
    labels = [(r["label"], r["correct"]) for r in made[0].rows["predictions"]]
    page = Page(built / "patterns" / "2.html")
    # Image 8 has an empty map, which counts; image 11, whose map is not finite, does not.
    right, wrong = labels.count((2, True)) - 1, labels.count((2, False))
    assert f"{right} correct images" in page.text
    assert f"{wrong} mistakes" in page.text
    stats = [row for row in made[0].rows["class_stats"] if row["mean_map_images"]]
    limit = max(max(row["mean_map"]) for row in stats)
    drawn = [drawn_values(c["data-map"])[1] for c in page.all("canvas") if "role" in c]
    for name, shown in zip(("correct_map", "mistake_map"), drawn, strict=True):
        expected = np.reshape(made[0].rows["class_stats"][2][name], (GRID, GRID)) / limit
        np.testing.assert_allclose(shown, expected, atol=0.51 * expected.max() / 255)


def test_cosines_are_those_of_plain_loops(
    made: tuple[SmallRun, dict[str, Rows]], tables: AuditTables
) -> None:
    correct = {r["image_id"]: r["correct"] for r in made[0].rows["predictions"]}
    means = []
    for label in range(3):
        mine = [
            r["pooled"] for r in made[1]["features"]
            if r["label"] == label and correct[r["image_id"]] and math.isfinite(sum(r["pooled"]))
        ]  # fmt: skip
        means.append([sum(row[k] for row in mine) / len(mine) for k in range(CHANNELS)])
    present, cosines = class_cosines(tables.units.features)
    assert present.tolist() == [0, 1, 2]
    for a in range(3):
        for b in range(3):
            dot = sum(x * y for x, y in zip(means[a], means[b], strict=True))
            length = math.hypot(*means[a]) * math.hypot(*means[b])
            assert cosines[a, b] == pytest.approx(dot / length, rel=1e-6)


def test_nearest_classes_name_confusions_both_ways_and_shared_units(
    made: tuple[SmallRun, dict[str, Rows]], tables: AuditTables, built: Path
) -> None:
    assert tables.units is not None
    counted = {(r["label"], r["predicted"]): r["images"] for r in made[0].rows["confusions"]}
    cosines = class_cosines(tables.units.features)
    near = nearest_classes(tables, tables.units.shared, cosines)
    for label in range(3):
        others = {other for pair in counted if label in pair for other in pair} | {0, 1, 2}
        assert {row.class_idx for row in near[label]} == others - {label}
        for row in near[label]:
            assert row.given == counted.get((label, row.class_idx), 0)
            assert row.taken == counted.get((row.class_idx, label), 0)
        totals = [row.given + row.taken for row in near[label]]
        assert totals == sorted(totals, reverse=True)
    quince = next(row for row in near[1] if row.class_idx == 3)
    assert math.isnan(quince.cosine) and quince.rank == 0
    shared = next(row.shared for row in near[1] if row.class_idx == 0)
    # Unit 2 is in the table both ways and stands once.
    assert [unit.unit for unit in shared] == [2, 4]
    assert [(unit.auroc, unit.other_auroc) for unit in shared] == [
        (pytest.approx(0.8), pytest.approx(0.9))
    ] * 2
    cells = Page(built / "patterns" / "1.html").row("apple")
    assert cells[2:4] == [str(counted.get((1, 0), 0)), str(counted.get((0, 1), 0))]
    assert cells[4] == "Unit 20.80, 0.90Unit 40.80, 0.90"


def test_regions_are_the_strongest_and_no_near_duplicates(
    made: tuple[SmallRun, dict[str, Rows]], tables: AuditTables
) -> None:
    maps = [r for r in made[0].rows["heatmaps"] if r["role"] == "label" and r["state"] == "ok"]
    chosen = choose_regions(tables.images, {DUPLICATE: FIRST}, 40)
    for class_idx, ids in chosen.items():
        mine = [r for r in maps if r["class_idx"] == class_idx]
        ordered = [r["image_id"] for r in sorted(mine, key=lambda r: -r["scale"])]
        pair = [i for i in ordered if i in (FIRST, DUPLICATE)]
        assert ids == [i for i in ordered if i not in pair[1:]]
    assert len({FIRST, DUPLICATE} & set(chosen[0])) == 1
    assert [len(ids) for ids in choose_regions(tables.images, {}, 2).values()] == [2, 2, 2]


def test_the_box_of_a_region_is_that_of_the_map(tables: AuditTables) -> None:
    """A plateau of 3 on cells 2 to 4, of 16 pixels each: bilinearly enlarged it falls to 0.6,
    the 20 % of the rule, at 1.7 and 5.3 cells, so pixels 27 to 84 of the view lie above."""
    chosen = {0: [PLATEAU]}
    maps = fetch_maps(tables.run, region_keys(chosen))
    box = region_boxes(maps, chosen, Placements(tables))[PLATEAU]
    down, across = 180 / 164, 140 / 128
    assert box == (
        math.floor((27 + 26) * down), math.floor((27 + 8) * across),
        math.ceil((85 + 26) * down), math.ceil((85 + 8) * across),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("classes", "caps"),
    [(1, Caps(8, 8, 6)), (10, Caps(8, 8, 6)), (1_000, Caps(3, 3, 3)), (10_000, Caps(3, 3, 3))],
)
def test_many_classes_show_fewer_crops(classes: int, caps: Caps) -> None:
    assert choose_caps(classes) == caps


def test_units_of_equal_contribution_stand_by_number_and_none_below_zero() -> None:
    numbers = {"mean": 1.0, "mean_difference": 0.0, "auroc": 0.5, "auroc_error": 0.0}
    rows = pd.DataFrame(
        [
            {"target_layer": "a", "class_idx": 4, "unit": unit, "contribution": value, **numbers}
            for unit, value in [(3, 1.0), (1, 1.0), (2, 2.0), (0, -1.0), (5, 0.0)]
        ]
        + [{"target_layer": "a", "class_idx": 6, "unit": 2, "contribution": 0.1, **numbers}]
        + [{"target_layer": "b", "class_idx": 4, "unit": 9, "contribution": 9.0, **numbers}]
    )
    found = units_by_class(rows, "a")
    assert [row.unit for row in found[4]] == [2, 1, 3]
    assert [row.others for row in found[4]] == [[6], [], []]


def test_a_missing_image_leaves_its_place(
    made: tuple[SmallRun, dict[str, Rows]], tmp_path: Path
) -> None:
    run = write_small_run(tmp_path)
    written = unit_numbers.write(run.folder)
    unit = contributions(written["unit_classes"], 0)[0]["unit"]
    row = next(
        r for r in written["units"]
        if (r["target_layer"], r["class_idx"], r["unit"], r["rank"]) == (TARGET, 0, unit, 0)
    )  # fmt: skip
    Path(run.rows["manifest"][row["image_id"]]["uri"]).unlink()
    page = Page(build_report(run.folder).parent / "patterns" / "0.html")
    badges = [tag["title"] for tag in page.all("span") if tag.get("class") == "badge"]
    assert badges
    assert all("No such file" in title for title in badges)


def test_the_class_page_and_the_list_lead_to_the_patterns(built: Path) -> None:
    assert "../patterns/1.html" in {a["href"] for a in Page(built / "classes/1.html").all("a")}
    assert "../patterns/3.html" not in {a["href"] for a in Page(built / "classes/3.html").all("a")}
    page = Page(built / "patterns.html")
    assert {f"patterns/{i}.html" for i in range(3)} <= {a["href"] for a in page.all("a")}
    assert page.row(CLASSES[1])[1] == "13"


def test_without_labels_there_are_pages_of_layers_alone(tmp_path: Path) -> None:
    run = write_small_run(tmp_path, labelled=False)
    unit_numbers.write(run.folder)
    folder = build_report(run.folder).parent
    assert not (folder / "patterns.html").exists()
    assert not (folder / "patterns").exists()
    page = Page(folder / "layers" / "0.html")
    assert "Pages of classes, selectivity and AUROC need labels, which no image has." in page.text
    assert "Class of highest mean" not in page.text
    items = {a["href"] for a in Page(folder / "index.html").all("a")}
    assert "layers/0.html" in items
    assert "patterns.html" not in items


def test_an_older_audit_has_neither(made: tuple[SmallRun, dict[str, Rows]], tmp_path: Path) -> None:
    folder = shutil.copytree(made[0].folder, tmp_path / "run")
    shutil.rmtree(folder / "tables" / "unit_classes")
    report = build_report(folder).parent
    assert not (report / "patterns.html").exists()
    assert not (report / "layers").exists()
    assert not {"patterns.html", "layers/0.html"} & {
        a["href"] for a in Page(report / "index.html").all("a")
    }
    assert EARLY not in Page(report / "index.html").text
