"""Statistics per class against plain pandas."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from tasks.merge.class_stats import ClassStats
from tests.tasks.test_accumulators import SEEDS, merged_at_random, parts

CELLS = 6


def images(generator: np.random.Generator, count: int):
    """Predictions, rows of label maps and raw maps of `count` images, some without a label."""
    label = generator.integers(-1, 3, count)
    predicted = generator.integers(0, 3, count)
    known = label >= 0
    predictions = pd.DataFrame(
        {
            "image_id": np.arange(count),
            "label": label,
            "predicted": predicted,
            "correct": pd.Series(np.where(known, label == predicted, None), dtype=object),
            "label_probability": np.where(known, generator.random(count), np.nan),
        }
    )
    energy = generator.random(count)
    energy[generator.random(count) < 0.3] = np.nan
    hit = np.where(np.isnan(energy), None, generator.random(count) < 0.5)
    raw = generator.random((count, CELLS)) * 10
    raw[generator.random(count) < 0.1] = np.nan
    maps = pd.DataFrame(
        {
            "image_id": np.arange(count),
            "class_idx": label,
            "state": np.where(generator.random(count) < 0.2, "empty", "ok"),
            "object_energy": energy,
            "object_area": generator.random(count),
            "pointing_hit": pd.Series(hit, dtype=object),
        }
    )
    return predictions, maps, raw


def stats_of(predictions, maps, raw, rows: np.ndarray) -> ClassStats:
    stats = ClassStats(3, 2, 3)
    labelled = rows[predictions["label"].to_numpy()[rows] >= 0]
    stats.update(predictions.iloc[rows], maps.iloc[labelled], raw[labelled])
    return stats


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(0, 30))
def test_the_same_in_any_grouping(seed, count):
    generator = np.random.default_rng(seed)
    data = images(generator, count)
    once = stats_of(*data, np.arange(count))
    pieces = [stats_of(*data, part) for part in parts(generator, count)]
    merged = merged_at_random(generator, pieces)
    names = ["a", "b", "c"]
    assert merged.confusion_table().equals(once.confusion_table())
    # Through text: NaN is equal to NaN, and a float's text is the float to the last bit.
    assert str(merged.class_table(names).to_pylist()) == str(once.class_table(names).to_pylist())


@pytest.fixture(scope="module")
def found():
    data = images(np.random.default_rng(1), 200)
    stats = stats_of(*data, np.arange(200))
    return data, stats.class_table(["a", "b", "c"]).to_pylist(), stats.confusion_table()


@pytest.mark.parametrize("class_idx", [0, 1, 2])
def test_rates(found, class_idx):
    (predictions, _, _), rows, _ = found
    row, known = rows[class_idx], predictions[predictions["label"] >= 0]
    mine = known[known["label"] == class_idx]
    assert row["name"] == "abc"[class_idx] and row["images"] == len(mine)
    assert row["correct"] == (mine["predicted"] == class_idx).sum()
    assert row["predicted_images"] == (known["predicted"] == class_idx).sum()
    assert row["accuracy"] == pytest.approx(row["correct"] / len(mine))
    interval = binomtest(row["correct"], len(mine)).proportion_ci(method="wilson")
    assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx(tuple(interval))
    assert row["mean_label_probability"] == pytest.approx(mine["label_probability"].mean())


@pytest.mark.parametrize("class_idx", [0, 1, 2])
def test_maps(found, class_idx):
    (predictions, maps, raw), rows, _ = found
    row, mine = rows[class_idx], maps["class_idx"] == class_idx
    masked = maps[mine & maps["object_energy"].notna()]
    energy = masked["object_energy"]
    assert row["masked_images"] == len(masked)
    assert row["object_energy"] == pytest.approx(energy.mean())
    half = 1.959963985 * energy.std(ddof=1) / np.sqrt(len(energy))
    assert row["object_energy_low"] == pytest.approx(energy.mean() - half, rel=1e-6)
    assert row["object_energy_high"] == pytest.approx(energy.mean() + half, rel=1e-6)
    assert row["object_area"] == pytest.approx(masked["object_area"].mean())
    assert row["pointing_hits"] == (masked["pointing_hit"] == True).sum()  # noqa: E712
    assert row["empty_maps"] == (mine & (maps["state"] == "empty")).sum()
    finite = raw[mine.to_numpy() & np.isfinite(raw).all(axis=1)]
    assert row["mean_map_images"] == len(finite)
    np.testing.assert_allclose(row["mean_map"], finite.mean(axis=0), rtol=1e-6)
    right = (predictions["predicted"] == class_idx).to_numpy()[mine.to_numpy()]
    right = right[np.isfinite(raw[mine.to_numpy()]).all(axis=1)]
    assert 0 < row["correct_map_images"] == right.sum() < len(finite)
    np.testing.assert_allclose(row["correct_map"], finite[right].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(row["mistake_map"], finite[~right].mean(axis=0), rtol=1e-6)
    assert (row["map_rows"], row["map_cols"]) == (2, 3)


def test_confusions(found):
    (predictions, _, _), _, confusions = found
    known = predictions[predictions["label"] >= 0]
    expected = known.groupby(["label", "predicted"]).size().reset_index(name="images")
    assert confusions.to_pandas().astype(int).equals(expected.astype(int))


def test_a_class_of_one_image_and_no_mask():
    predictions = pd.DataFrame(
        {
            "image_id": [3],
            "label": [1],
            "predicted": [0],
            "correct": [False],
            "label_probability": [0.25],
        }
    )
    maps = pd.DataFrame(
        {"image_id": [3], "class_idx": [1], "state": ["ok"], "object_energy": [np.nan],
         "object_area": [np.nan], "pointing_hit": [None]}
    )  # fmt: skip
    stats = ClassStats(3, 2, 3)
    stats.update(predictions, maps, np.ones((1, CELLS)))
    first, second = stats.class_table(["a", "b", "c"]).to_pylist()
    assert (first["class_idx"], first["images"], first["accuracy"]) == (0, 0, None)
    assert (second["class_idx"], second["images"], second["accuracy"]) == (1, 1, 0)
    assert second["object_energy"] is None and second["mean_map"] == [1] * CELLS
    assert second["correct_map"] is None and second["mistake_map"] == [1] * CELLS
    assert first["mean_map"] is first["correct_map"] is first["mistake_map"] is None
