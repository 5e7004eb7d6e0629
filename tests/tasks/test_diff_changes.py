"""Mistakes, findings, maps and units of two audits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tasks.diff.map_distance import (
    DIRECTIONS,
    normalised,
    resampled,
    sliced_wasserstein,
    total_variation,
)
from tasks.diff.stage import Difference, compare_runs
from tasks.errors import AuditError
from tests.tasks.compared_runs import UNITS, image, rows_of, write_run


def compared(tmp_path: Path, a: list[Any], b: list[Any], **sides: Any) -> Difference:
    first, second = sides.get("first", {}), sides.get("second", {})
    return compare_runs(
        write_run(tmp_path / "a", a, **first), write_run(tmp_path / "b", b, **second)
    )


def test_mistakes_are_new_mended_and_persistent(tmp_path: Path):
    told = [(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 1, 0), (0, 1, 1), (1, 0, 2), (-1, 0, 1)]
    a = [image(f"/{i}", label, p) for i, (label, p, _) in enumerate(told)]
    b = [image(f"/{i}", label, p, probability=0.5 + i / 20)
         for i, (label, _, p) in enumerate(told)]  # fmt: skip
    found = compared(tmp_path, a, b)
    rows = found.tables["mistake_changes"].to_pylist()
    assert [(r["uri"], r["state"], r["predicted_a"], r["predicted_b"]) for r in rows] == [
        ("/2", "new", "ant", "cat"), ("/1", "new", "ant", "bee"),
        ("/5", "persistent", "ant", "cat"), ("/4", "persistent", "bee", "bee"),
        ("/3", "mended", "bee", "ant"),
    ]  # fmt: skip
    assert found.tables["mistake_counts"].to_pylist() == [
        {"label": "ant", "images": 5, "new": 2, "mended": 1, "persistent": 1,
         "persistent_same": 1},
        {"label": "bee", "images": 1, "new": 0, "mended": 0, "persistent": 1,
         "persistent_same": 0},
    ]  # fmt: skip


def test_findings_are_matched_by_kind_and_subject_not_by_text(tmp_path: Path):
    a = [
        {"kind": "pair", "label": 0, "predicted": 1, "subject": "ant -> bee", "text": "48 %"},
        {"kind": "label", "label": 2, "subject": "mistakes on cat"},
        {"kind": "tag", "predicted": 1, "subject": "camera = 3 -> bee"},
        {"kind": "context", "predicted": 0, "subject": "context 4 -> ant"},
    ]
    b = [  # the classes of B stand in another order
        {"kind": "context", "predicted": 2, "subject": "context 11 -> ant", "effect": 0.6,
         "low": 0.5, "high": 0.8},
        {"kind": "pair", "label": 2, "predicted": 0, "subject": "ant -> bee", "text": "52 %"},
        {"kind": "tag", "predicted": 0, "subject": "camera = 4 -> bee"},
        {"kind": "label", "label": 1, "subject": "mistakes on cat", "confirmed": False},
        {"kind": "slice", "subject": "camera = 9", "confirmed": False},
    ]  # fmt: skip
    images = [image(f"/{i}", 0, 0) for i in range(3)]
    turned = [row | {"label": 2, "predicted": 2} for row in images]
    sides = {"first": {"findings": a}, "second": {"findings": b, "classes": ["bee", "cat", "ant"]}}
    rows = compared(tmp_path, images, turned, **sides).tables["finding_changes"].to_pylist()
    assert [(r["state"], r["kind"], r["label"], r["predicted"]) for r in rows] == [
        ("new", "tag", None, "bee"), ("still", "context", None, "ant"),
        ("still", "pair", "ant", "bee"), ("gone", "tag", None, "bee"),
        ("gone", "label", "cat", None), ("unconfirmed", "slice", None, None),
    ]  # fmt: skip
    context = rows[1]
    assert context["difference"] == pytest.approx(0.1)
    assert context["low"] == pytest.approx(0.1 - np.hypot(0.1, 0.2))
    assert context["high"] == pytest.approx(0.1 + np.hypot(0.2, 0.2))


def moved_by(first: np.ndarray, second: np.ndarray) -> float:
    """The same in plain loops, with scipy's distance on a line."""
    rows, cols = first.shape
    total = 0.0
    for k in range(DIRECTIONS):
        angle = np.pi * k / DIRECTIONS
        places = [np.cos(angle) * (c + 0.5) / cols + np.sin(angle) * (r + 0.5) / rows
                  for r in range(rows) for c in range(cols)]  # fmt: skip
        total += stats.wasserstein_distance(places, places, first.ravel(), second.ravel())
    return total / DIRECTIONS


def test_distances_are_scipys():
    generator = np.random.default_rng(0)
    raw = np.maximum(generator.normal(size=(2, 6, 5, 3)), 0)
    first, second = (normalised(maps.reshape(6, -1)) for maps in raw)
    expected = [moved_by(a, b) for a, b in zip(*raw, strict=True)]
    assert sliced_wasserstein(first, second, (5, 3)) == pytest.approx(expected)
    shares = raw / raw.sum(axis=(2, 3), keepdims=True)
    halves = [sum(abs(x - y) for x, y in zip(a.ravel(), b.ravel(), strict=True)) / 2
              for a, b in zip(*shares, strict=True)]  # fmt: skip
    assert total_variation(first, second) == pytest.approx(halves)


def test_a_shift_is_as_far_as_it_goes():
    """Each projection of a shift by d to the right is |cos| d, their mean about 2 d / pi."""
    one = np.zeros((1, 8, 8))
    one[0, 3, 1] = 1
    other = np.roll(one, 4, axis=2)
    got = sliced_wasserstein(one.reshape(1, -1), other.reshape(1, -1), (8, 8))
    assert got[0] == pytest.approx(0.5 * 2 / np.pi, rel=0.02)


def test_grids_are_resampled_by_area_and_keep_sums():
    coarse = normalised(np.array([[1.0, 3.0, 0.0, 4.0]]))
    fine = resampled(coarse, (2, 2), (4, 4)).reshape(4, 4)
    assert fine == pytest.approx(np.kron([[1, 3], [0, 4]], np.ones((2, 2))) / 32)
    odd = resampled(coarse, (2, 2), (3, 3)).reshape(3, 3)
    assert odd.sum() == pytest.approx(1)
    assert odd[1, 1] == pytest.approx(8 / 8 / 9)  # a quarter of each corner's third
    assert odd[0, 0] == pytest.approx(1 / 8 * 4 / 9)


def test_maps_of_another_grid_are_refused():
    with pytest.raises(AuditError, match="not on one grid of 2 x 2"):
        sliced_wasserstein(np.ones((1, 4)), np.ones((1, 9)), (2, 2))


def test_images_are_ordered_by_how_far_their_evidence_moved(tmp_path: Path):
    def spot(row: int, col: int, side: int = 4) -> np.ndarray:
        raw = np.zeros((side, side))
        raw[row, col] = 2.0
        return raw

    a = [image(f"/{i}", 0, 0, map=spot(0, 0)) for i in range(3)]
    a.append(image("/empty", 0, 0, map=np.zeros((4, 4))))
    b = [image("/0", 0, 0, map=spot(0, 1)), image("/1", 0, 0, map=7 * spot(0, 0)),
         image("/2", 0, 1, map=spot(3, 3)), image("/empty", 0, 0, map=spot(1, 1))]  # fmt: skip
    rows = rows_of(compared(tmp_path, a, b).tables["map_changes"], role="label")
    assert [row["uri"] for row in rows] == ["/2", "/0", "/1", "/empty"]
    assert rows[0]["moved"] == pytest.approx(moved_by(spot(0, 0), spot(3, 3)), rel=1e-6)
    assert [row["total_variation"] for row in rows] == [1.0, 1.0, 0.0, None]
    predicted = rows_of(compared(tmp_path, a, b).tables["map_changes"], role="predicted", uri="/2")
    assert (predicted[0]["class_a"], predicted[0]["class_b"]) == ("ant", "bee")


def test_maps_of_unlike_grids_are_compared(tmp_path: Path):
    coarse, fine = np.array([[2.0, 0.0], [0.0, 0.0]]), np.zeros((4, 4))
    fine[:2, :2] = 5.0
    a, b = [image("/0", 0, 0, map=coarse)], [image("/0", 0, 0, map=fine)]
    (row,) = rows_of(compared(tmp_path, a, b).tables["map_changes"], role="label")
    assert row["moved"] == pytest.approx(0, abs=1e-12)


def features(seed: int, images: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).gamma(1, size=(images, UNITS))


def units_of(tmp_path: Path, pooled: np.ndarray, **second: Any) -> Difference:
    before = features(0)
    a = [image(f"/{i}", 0, 0, pooled=row) for i, row in enumerate(before)]
    b = [image(f"/{i}", 0, 0, pooled=row) for i, row in enumerate(pooled)]
    top = {unit: list(range(4)) for unit in range(UNITS)}
    return compared(tmp_path, a, b, first={"units": {"top": top}}, second={"units": second})


def test_units_that_died_or_changed_their_meaning(tmp_path: Path):
    after = features(0) * 3 + 0.01
    after[:, 1] = features(9)[:, 1]
    after[:, 2] = 0
    top = {0: [0, 1, 2, 8], 1: [20, 21, 22, 23], 3: [0, 1, 2, 3]}
    found = units_of(tmp_path, after, dead=(2,), top=top)
    rows = {row["unit"]: row for row in found.tables["unit_changes"].to_pylist()}
    assert [rows[unit]["state"] for unit in range(UNITS)] == ["kept", "changed", "died", "kept"]
    pooled = [features(0).astype(np.float16), after.astype(np.float16)]
    expected = np.corrcoef(*(p[:, 1].astype(float) for p in pooled))[0, 1]
    assert rows[1]["correlation"] == pytest.approx(expected)
    assert rows[0]["jaccard"] == pytest.approx(3 / 5)
    assert (rows[1]["jaccard"], rows[2]["jaccard"]) == (0.0, None)
    (layer,) = found.layers
    assert layer.related is True and layer.images == 40
    assert layer.counts == {"kept": 2, "changed": 1, "died": 1}


def test_units_of_unrelated_models_are_not_compared(tmp_path: Path):
    """The same units in another order: a network of another initialisation."""
    after = np.roll(features(0), 1, axis=1)
    found = units_of(tmp_path, after, dead=(1,), top={0: [0, 1]})
    states = {row["unit"]: row["state"] for row in found.tables["unit_changes"].to_pylist()}
    assert states == {0: "not_comparable", 1: "died", 2: "not_comparable", 3: "not_comparable"}
    (layer,) = found.layers
    pooled = [p.astype(np.float16).astype(float) for p in (features(0), after)]
    whole = np.corrcoef(*pooled, rowvar=False)[:UNITS, UNITS:]
    assert layer.mean_correlation == pytest.approx(np.diag(whole).mean())
    others = whole[~np.eye(UNITS, dtype=bool)].mean()
    assert layer.other_correlation == pytest.approx(others)
    assert layer.related is False
