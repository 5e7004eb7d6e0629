"""The pages of layers: what the script of the table is given, against the tables."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from reports.patterns.ceilings import shared_ceiling
from reports.patterns.layer_data import largest_rises
from reports.patterns.layer_plans import choose_units
from tasks.tables.storage import RunFolder
from tests.reports.page import Page
from tests.reports.small_run import CLASSES, SmallRun
from tests.reports.unit_numbers import CHANNELS, DEAD, EARLY, EARLY_CHANNELS, TARGET

STATS = ("selectivity", "silent_share", "mean", "quantile_05", "quantile_50", "quantile_95",
         "peak_quantile_50", "peak_largest")  # fmt: skip


def stored(run: SmallRun, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = RunFolder(run.folder).dataset(name).to_table().to_pylist()
    return rows


def data_of(report: Path, number: int = 0) -> dict[str, Any]:
    page = Page(report / "layers" / f"{number}.html")
    table = next(tag for tag in page.all("table") if tag.get("id") == "unit-table")
    data: dict[str, Any] = json.loads(table["data-units"])
    return data


@pytest.mark.parametrize(("number", "layer"), [(0, TARGET), (1, EARLY)])
def test_rows_are_those_of_unit_stats(run: SmallRun, report: Path, number: int, layer: str) -> None:
    data = data_of(report, number)
    expected = [row for row in stored(run, "unit_stats") if row["target_layer"] == layer]
    assert [row[0] for row in data["rows"]] == [row["unit"] for row in expected]
    for found, row in zip(data["rows"], expected, strict=True):
        class_idx = row["selective_class_idx"]
        assert (found[1] < 0) == (class_idx < 0)
        if class_idx >= 0:
            assert data["classes"][found[1]] == [class_idx, CLASSES[class_idx]]
        for value, key in zip(found[2:10], STATS, strict=True):
            assert value == (None if row[key] is None else pytest.approx(row[key], rel=1e-3))
        assert found[12] == int(row["dead"])


def test_rises_over_driven_mistakes_name_the_class(report: Path) -> None:
    """Unit 2 rises by 1.5 for class 3 and by 2.5 for class 1."""
    data = data_of(report)
    rising = {row[0]: row for row in data["rows"] if row[10] is not None}
    assert list(rising) == [2]
    assert rising[2][10] == 2.5
    assert data["classes"][rising[2][11]] == [1, CLASSES[1]]
    assert largest_rises(None, TARGET) == {}


def test_crops_are_of_the_strongest_images_and_the_least_are_whole(
    run: SmallRun, report: Path
) -> None:
    data = data_of(report)
    manifest = {row["image_id"]: row for row in stored(run, "manifest")}
    for unit in range(CHANNELS):
        if unit == DEAD:
            assert str(unit) not in data["top"]
            continue
        for kind, table, most in (("top", "units", 6), ("least", "units_least", 3)):
            rows = [
                r for r in stored(run, table)
                if (r["target_layer"], r["class_idx"], r["unit"]) == (TARGET, -1, unit)
            ]  # fmt: skip
            rows.sort(key=lambda r: r["rank"])
            shown = data[kind][str(unit)]
            assert len(shown) == most
            for crop, row in zip(shown, rows, strict=False):
                image = manifest[row["image_id"]]
                assert crop[1] == pytest.approx(row["activation"], rel=1e-3)
                assert data["classes"][crop[2]][0] == image["label"]
                assert crop[3] == Path(image["uri"]).name
    whole = cv2.imread(str(report / "crops" / f"{data['least']['0'][0][0]}.jpg"))
    first = next(
        r for r in stored(run, "units_least") if (r["target_layer"], r["unit"]) == (TARGET, 0)
    )
    image = cv2.imread(manifest[first["image_id"]]["uri"])
    wide, high, left, top = (170, 128, 29, 8) if image.shape[1] == 200 else (128, 164, 8, 26)
    down, across = image.shape[0] / high, image.shape[1] / wide
    seen = image[
        int(top * down) : int(np.ceil((top + 112) * down)),
        int(left * across) : int(np.ceil((left + 112) * across)),
    ]
    expected = cv2.resize(seen, (128, 128), interpolation=cv2.INTER_CUBIC).astype(float)
    assert np.abs(whole - expected).mean() < 3


def test_the_figures_of_the_layer(report: Path) -> None:
    text = Page(report / "layers" / "1.html").text
    assert f"Units {EARLY_CHANNELS} over 40 images" in text
    assert "Sparsity 10.0 %" in text
    assert "every unit sees the whole view" in text
    assert EARLY in text
    assert "Dead units 1 above 0" in Page(report / "layers" / "0.html").text


def units(layer: str, peaks: list[tuple[float, float]], dead: bool = False) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"target_layer": layer, "unit": k, "peak_least": low, "peak_largest": high}
            | {"dead": dead, "selectivity": None}
            for k, (low, high) in enumerate(peaks)
        ]
    )


@pytest.mark.parametrize(
    ("largest", "ceiling"),
    [([6.0, 6.0, 5.0], 6.0), ([6.0, 5.0, 4.0], None), ([6.0], None), ([], None)],
)
def test_a_ceiling_is_a_largest_peak_that_half_of_the_units_share(
    largest: list[float], ceiling: float | None
) -> None:
    assert shared_ceiling(units("a", [(0.0, peak) for peak in largest] or [(0.0, 0.0)])) == ceiling


def test_units_with_crops_are_those_of_the_classes_then_the_most_selective() -> None:
    stats = units("a", [(0.0, float(peak)) for peak in (1, 2, 3, 4, 5)])
    stats["selectivity"] = [0.1, 0.9, None, 0.9, 0.5]
    stats.loc[4, "dead"] = True
    assert choose_units(stats, [0, 4], 9) == [0, 3, 1, 2]
    assert choose_units(stats, [2], 2) == [2, 3]
    assert choose_units(stats, [], 0) == []
