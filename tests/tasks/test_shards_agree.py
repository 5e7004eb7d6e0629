"""One shard or many, this reader or that: the same numbers."""

import shutil

import dask.dataframe as dd
import duckdb
import numpy as np
import pandas as pd
import polars
import pyarrow.parquet as pq
import pytest
import torch

from tasks.explain.shard import explain_shard
from tasks.images.decoding import decode_image
from tasks.index.plan import plan_audit
from tasks.tables.image_schema import MAP_NUMBERS
from tasks.tables.shards import valid_record
from tests.tasks.tiny_audit import auditor_of, configure, draw_folders, run_audit, table

SORTED_BY = {
    "predictions": ["image_id"], "heatmaps": ["image_id", "role"], "features": ["image_id"],
    "background": ["image_id"], "cells": ["image_id"],
    "failures": ["image_id"], "units": ["unit", "class_idx", "rank"],
    "units_least": ["unit", "rank"], "unit_stats": ["unit"], "layer_stats": ["target_layer"],
    "unit_classes": ["class_idx", "unit"], "near_duplicates": ["image_id"],
    "images": ["image_id"], "class_stats": ["class_idx"], "class_features": ["class_idx"],
    "confusions": ["label", "predicted"], "manifest": ["image_id"],
}  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The same audit in shards of 1, 7 and all images; two images are bad, two are equal."""
    folder = tmp_path_factory.mktemp("shards")
    pics = draw_folders(folder / "pics", 6)
    (pics / "ant" / "bad.jpg").write_bytes(b"text")
    (pics / "cat" / "bad.jpg").write_bytes(b"")
    shutil.copy(pics / "bee" / "3.png", pics / "cat" / "copy of bee 3.png")
    return {
        size: run_audit(configure(folder, pics, shard_size=size, out=str(folder / f"run-{size}")))
        for size in (1, 7, 100)
    }


def rows(run, name: str) -> list[dict[str, object]]:
    by = SORTED_BY[name]
    found = pq.read_table(run.root / "tables" / name).sort_by([(c, "ascending") for c in by])
    return found.to_pylist()


@pytest.mark.parametrize("name", SORTED_BY)
@pytest.mark.parametrize("size", [1, 7])
def test_tables_are_the_same_for_every_shard_size(runs, name, size):
    # Through text, where NaN equals NaN and a float is exact to the last bit.
    assert [str(row) for row in rows(runs[size], name)] == [str(r) for r in rows(runs[100], name)]


def test_images_have_in_a_row_what_other_tables_say_of_them(runs):
    run, expected = runs[7], {}
    for row in rows(run, "predictions"):
        lists = ("top_k_class", "top_k_logit")
        expected[row["image_id"]] = {name: row[name] for name in row if name not in lists}
    for row in rows(run, "heatmaps"):
        if row["role"] != "runner_up":
            for name in MAP_NUMBERS:
                expected[row["image_id"]][f"{row['role']}_{name}"] = row[name]
    for row in rows(run, "background"):
        expected[row["image_id"]] |= row
    uris = {row["image_id"]: row["uri"] for row in rows(run, "manifest")}
    stored = rows(run, "images")
    assert {row["image_id"] for row in stored} == set(expected)
    for row in stored:
        own = expected[row["image_id"]] | {"uri": uris[row["image_id"]]}
        assert str(row) == str({name: own.get(name) for name in row})
    assert any(row["score"] is not None for row in stored)


def test_features_of_classes_are_means_over_correct_images(runs):
    predictions = table(runs[7], "predictions").set_index("image_id")
    features = table(runs[7], "features").set_index("image_id")["pooled"]
    right = predictions[predictions["correct"].eq(True)]
    assert 0 < len(right) < len(predictions)
    stored = {row["class_idx"]: row for row in rows(runs[7], "class_features")}
    assert sorted(stored) == sorted(right["label"].unique())
    for label, mine in right.groupby("label"):
        pooled = np.stack(features[mine.index].tolist()).astype(np.float64)
        assert stored[label]["images"] == len(mine)
        np.testing.assert_allclose(stored[label]["pooled"], pooled.mean(axis=0), rtol=1e-6)


def test_a_second_run_computes_nothing(runs):
    run = runs[7]
    before = {p: p.stat().st_mtime_ns for p in run.root.glob("tables/predictions/*")}
    config = run.audit()["config"]
    run_audit(configure(run.root.parent, config["images"], shard_size=7, out=str(run.root)))
    assert {p: p.stat().st_mtime_ns for p in run.root.glob("tables/predictions/*")} == before


def test_a_lost_shard_is_made_again_bit_for_bit(runs):
    run = runs[7]
    config = configure(run.root.parent, run.audit()["config"]["images"], shard_size=7,
                       out=str(run.root))  # fmt: skip
    plan = plan_audit(config)
    file = run.table_file("heatmaps", 1)
    before = file.read_bytes()
    file.unlink()
    assert [valid_record(run, s) is None for s in plan.shards] == [False, True, False]
    explain_shard(auditor_of(plan), config.out, plan.shards[1])
    assert file.read_bytes() == before and valid_record(run, plan.shards[1]) is not None


def test_the_raw_map_is_the_first_passs_own(runs):
    run = runs[7]
    config = configure(run.root.parent, run.audit()["config"]["images"], shard_size=7,
                       out=str(run.root))  # fmt: skip
    auditor = auditor_of(plan_audit(config))
    manifest = table(run, "manifest").set_index("image_id")
    heatmaps = table(run, "heatmaps").set_index(["image_id", "role"])
    for image_id in table(run, "predictions")["image_id"]:
        with open(manifest["uri"][image_id], "rb") as file:
            pixels, _ = auditor.preprocessing.cut(decode_image(file.read()))
        label = torch.tensor([int(manifest["label"][image_id])])
        batch = auditor.first_pass(auditor.preprocessing.normalise(pixels[None]), label)
        for role, own in (("predicted", batch.predicted_maps[:, 0]), ("contrast", batch.contrast)):
            row = heatmaps.loc[(image_id, role)]
            stored = np.asarray(row["heatmap"], dtype=np.float64) * row["scale"]
            # float16 has 11 bits; 1e-4: another batch size, other low bits.
            allowed = abs(row["scale"]) * (2.0**-11 + 1e-4)
            np.testing.assert_allclose(stored, own[0].flatten().numpy(), atol=allowed, rtol=0)


def test_units_are_the_strongest_of_the_model_itself(runs):
    run = runs[1]
    config = configure(run.root.parent, run.audit()["config"]["images"])
    auditor = auditor_of(plan_audit(config))
    manifest, stored = table(run, "manifest").set_index("image_id"), table(run, "units")
    maxima = {}
    for image_id in table(run, "predictions")["image_id"]:
        with open(manifest["uri"][image_id], "rb") as file:
            pixels, _ = auditor.preprocessing.cut(decode_image(file.read()))
        images = auditor.preprocessing.normalise(pixels[None])
        maxima[image_id] = auditor.first_pass(images, torch.tensor([-1])).unit_max[0].numpy()
    order = sorted(set(maxima) - set(table(run, "near_duplicates")["image_id"]))
    assert len(order) == len(maxima) - 1
    values = np.stack([maxima[i] for i in order])
    stored = stored[stored["class_idx"] == -1]
    for unit, of_unit in stored.groupby("unit"):
        expected = np.sort(values[:, unit])[::-1][:3]
        np.testing.assert_allclose(of_unit.sort_values("rank")["activation"], expected, rtol=1e-4)
    assert len(stored) == 12 * 3


@pytest.mark.parametrize("name", [*SORTED_BY])
def test_every_reader_sees_the_same(runs, name):
    folder, by = runs[7].root / "tables" / name, SORTED_BY[name]
    expected = rows(runs[7], name)
    plain = [c for c in expected[0] if not isinstance(expected[0][c], (list, tuple))]
    lists = [c for c in expected[0] if isinstance(expected[0][c], list) and c != "tags"]
    frames = {
        "pandas": pd.read_parquet(folder),
        "duckdb": duckdb.sql(f"select * from '{folder}/*.parquet'").df(),
        "polars": polars.read_parquet(f"{folder}/*.parquet").to_pandas(),
        "dask": dd.read_parquet(str(folder)).compute(scheduler="synchronous"),
    }
    for reader, frame in frames.items():
        frame = frame.sort_values(by).reset_index(drop=True)
        assert len(frame) == len(expected), reader
        for column in plain:
            got = [None if pd.isna(v) else v for v in frame[column]]
            assert got == [r[column] for r in expected], (reader, column)
        for column in lists:
            for got, row in zip(frame[column], expected, strict=True):
                whole = None if got is None or got is pd.NA else np.asarray(got).tolist()
                assert whole == row[column], (reader, column)
