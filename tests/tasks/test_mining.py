"""The tables of units against plain loops, for any cut into shards and any order."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.images.geometry import place
from tasks.mining import stage, unit_classes
from tests.tasks.made_peaks import OTHER, TARGET, MadePeaks, make_peaks, write_made_run
from tests.tasks.test_near_duplicates import slow_representatives
from tests.tasks.tiny_audit import table

TABLES = ("near_duplicates", "units", "units_least", "unit_stats", "layer_stats", "unit_classes")
SEEDS = st.integers(0, 2**32 - 1)


def mined(root: Path, peaks: MadePeaks, cuts: list[np.ndarray], top_k: int) -> dict:
    run = write_made_run(root, peaks, cuts, top_k)
    stage.mine_units(run, len(cuts))
    return {name: table(run, name) for name in TABLES}


def layer_of(unit: int) -> tuple[dict, int]:
    """The layer of a unit that is numbered through both, and its number there."""
    inside = unit < TARGET["channels"]
    return (TARGET, unit) if inside else (OTHER, unit - TARGET["channels"])


def slow_row(peaks: MadePeaks, unit: int, class_idx: int, rank: int, i: int) -> tuple:
    layer, own = layer_of(unit)
    row, col = divmod(int(peaks.cell[i, unit]), layer["cols"])
    crop = [0, 0, 28, 28]
    if layer is TARGET:
        crop = [8 * row - 3, 6 * col - 2, 8 * row + 6, 6 * col + 5]
    placement = place(int(peaks.size[i, 0]), int(peaks.size[i, 1]), 32, 28)
    box = placement.to_image(np.array([crop]))[0].tolist()
    value = float(peaks.activation[i, unit])
    return (layer["name"], own, class_idx, rank, int(peaks.image_id[i]), value, row, col, *box)


def slow_units(peaks: MadePeaks, top_k: int, least: bool = False) -> list[tuple]:
    """Every list by sorting all images that may take a place in it."""
    stands = slow_representatives(peaks.perceptual_hash, peaks.mean_colour)
    rows = []
    for unit in range(peaks.activation.shape[1]):
        for class_idx in [-1] if least else [-1, *range(3)]:
            best, taken = [], set()
            for i in range(len(peaks.image_id)):
                if class_idx in (-1, peaks.label[i]) and stands[i] not in taken:
                    taken.add(stands[i])
                    sign = 1 if least else -1
                    best.append((sign * float(peaks.activation[i, unit]), peaks.image_id[i], i))
            for rank, (_, _, i) in enumerate(sorted(best)[:top_k]):
                rows.append(slow_row(peaks, unit, class_idx, rank, i))
    return rows


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(1, 25), st.integers(1, 4), st.booleans())
def test_any_cut_and_order_equals_the_slow_loop(tmp_path_factory, seed, count, top_k, ties):
    folder = tmp_path_factory.mktemp("mined")
    peaks, rng = make_peaks(seed, count, ties=ties), np.random.default_rng(seed)
    bounds = np.sort(rng.integers(0, count + 1, rng.integers(0, 4)))
    cuts = np.split(rng.permutation(count), bounds)
    one = mined(folder / "one", peaks, [np.arange(count)], top_k)
    other = mined(folder / "other", peaks, cuts, top_k)
    for name in TABLES:
        pd.testing.assert_frame_equal(one[name], other[name], check_exact=True, obj=name)
    for name, least in (("units", False), ("units_least", True)):
        rows = list(one[name].itertuples(index=False, name=None))
        assert rows == slow_units(peaks, top_k, least)
    stands = slow_representatives(peaks.perceptual_hash, peaks.mean_colour)
    pairs = [(peaks.image_id[i], peaks.image_id[j]) for i, j in enumerate(stands) if i != j]
    assert list(one["near_duplicates"].itertuples(index=False, name=None)) == pairs


def test_units_in_runs_that_fit_the_memory_give_the_same(tmp_path, monkeypatch):
    peaks = make_peaks(5, 40)
    cuts = np.array_split(np.arange(40), 3)
    whole = mined(tmp_path / "whole", peaks, cuts, 3)
    monkeypatch.setattr(stage, "MOST_BYTES", 1)  # every unit by itself
    single = mined(tmp_path / "single", peaks, cuts, 3)
    for name in TABLES:
        pd.testing.assert_frame_equal(whole[name], single[name], check_exact=True, obj=name)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    peaks = make_peaks(11, 60, ties=False)
    peaks.activation[:, 2] = -np.abs(peaks.activation[:, 2])  # never above 0
    peaks.activation[:50, 6] = 0
    folder = tmp_path_factory.mktemp("made")
    return peaks, mined(folder, peaks, np.array_split(np.arange(60), 2), 3)


def test_statistics_of_the_peaks(made):
    peaks, tables = made
    stats = tables["unit_stats"]
    assert stats["target_layer"].tolist() == ["deep"] * 5 + ["early"] * 3
    assert stats["unit"].tolist() == [*range(5), *range(3)]
    np.testing.assert_array_equal(stats["peak_least"], peaks.activation.min(axis=0))
    np.testing.assert_array_equal(stats["peak_largest"], peaks.activation.max(axis=0))
    np.testing.assert_allclose(stats["silent_share"], (peaks.activation <= 0).mean(axis=0))
    assert stats["dead"].tolist() == [u == 2 for u in range(8)]
    for percent in (5, 25, 50, 75, 95):
        exact = np.quantile(peaks.activation, percent / 100, axis=0, method="inverted_cdf")
        found = stats[f"peak_quantile_{percent:02d}"]
        np.testing.assert_allclose(found, exact, rtol=0.0501, atol=1e-6)
    pooled = peaks.pooled.astype(np.float64)
    np.testing.assert_allclose(stats["mean"][:5], pooled.mean(axis=0), rtol=1e-9)
    assert stats["mean"][5:].isna().all() and (stats["images"] == 60).all()


def test_layers(made):
    peaks, tables = made
    layers = tables["layer_stats"].set_index("target_layer")
    silent = (peaks.activation <= 0).mean(axis=0)
    assert layers["units"].to_dict() == {"deep": 5, "early": 3}
    assert layers["dead_units"].to_dict() == {"deep": 1, "early": 0}
    np.testing.assert_allclose(layers["sparsity"], [silent[:5].mean(), silent[5:].mean()])


def test_classes(made):
    peaks, tables = made
    found = tables["unit_classes"]
    assert len(found) == 3 * 8
    given = peaks.contribution.astype(float) * peaks.contribution_scale[:, None].astype(float)
    for row in found.itertuples():
        unit = row.unit + (5 if row.target_layer == "early" else 0)
        own, rest = (
            peaks.label == row.class_idx,
            (peaks.label >= 0) & (peaks.label != row.class_idx),
        )
        values = peaks.activation[:, unit].astype(float)
        assert row.images == own.sum()
        assert row.mean == pytest.approx(values[own].mean(), rel=1e-9)
        difference = values[own].mean() - values[rest].mean()
        assert row.mean_difference == pytest.approx(difference, rel=1e-9)
        above = np.mean([(a > b) + (a == b) / 2 for a in values[own] for b in values[rest]])
        assert abs(row.auroc - above) <= row.auroc_error + 1e-6
        if unit < 5:
            assert row.contribution == pytest.approx(given[own, unit].mean(), rel=1e-9)
        else:
            assert np.isnan(row.contribution)


def test_of_many_pairs_the_units_that_tell_most_are_kept(made, tmp_path, monkeypatch):
    peaks, tables = made
    monkeypatch.setattr(unit_classes, "MOST_PAIRS", 14)  # 3 classes x 5 units are more, x 3 not
    monkeypatch.setattr(unit_classes, "KEPT_UNITS", 2)
    few = mined(tmp_path, peaks, [np.arange(60)], 3)["unit_classes"]
    every = tables["unit_classes"]
    assert (few["target_layer"] == "early").sum() == 9
    for class_idx in range(3):
        units = every[(every["class_idx"] == class_idx) & (every["target_layer"] == "deep")]
        by_auroc = set(units.nlargest(2, "auroc")["unit"])
        size = units.set_index("unit")["contribution"].abs()
        kept = few[(few["class_idx"] == class_idx) & (few["target_layer"] == "deep")]
        assert kept["unit"].tolist() == sorted(by_auroc | set(size.nlargest(2).index))


def test_without_labels_there_are_no_classes(tmp_path):
    peaks = make_peaks(1, 12)
    peaks.label[:] = -1
    tables = mined(tmp_path, peaks, [np.arange(12)], 2)
    assert set(tables["units"]["class_idx"]) == {-1} and len(tables["units"]) == 8 * 2
    assert len(tables["unit_classes"]) == 0 and tables["unit_stats"]["selectivity"].isna().all()


def test_one_class_alone_has_nothing_to_be_told_from(tmp_path):
    peaks = make_peaks(2, 12)
    peaks.label[:] = 1
    found = mined(tmp_path, peaks, [np.arange(12)], 2)["unit_classes"]
    assert found[["auroc", "auroc_error", "mean_difference"]].isna().all(axis=None)
    np.testing.assert_allclose(found["mean"], peaks.activation.mean(axis=0), rtol=1e-6)


def test_activations_that_are_not_finite_take_no_place(tmp_path):
    peaks = make_peaks(3, 9)
    peaks.perceptual_hash[:] = np.random.default_rng(0).integers(1, 2**62, 9, dtype=np.uint64)
    peaks.activation[0, 0], peaks.activation[1, 0] = np.nan, np.inf
    units = mined(tmp_path, peaks, [np.arange(9)], 9)["units"]
    of_unit = units[(units["unit"] == 0) & (units["target_layer"] == "deep")]
    of_all = of_unit[of_unit["class_idx"] == -1]
    assert sorted(of_all["image_id"]) == peaks.image_id[2:].tolist()
    assert np.isfinite(units["activation"]).all()


def test_no_images_at_all(tmp_path):
    tables = mined(tmp_path, make_peaks(0, 4), [np.arange(0), np.arange(0)], 3)
    for name in ("units", "units_least", "unit_classes", "near_duplicates"):
        assert len(tables[name]) == 0, name
    assert tables["unit_stats"]["dead"].isna().all() and len(tables["unit_stats"]) == 8
    assert tables["layer_stats"]["sparsity"].isna().all()
