"""Localisation in a whole audit, recomputed from its stored maps and manifest alone."""

import math
from collections.abc import Callable
from types import SimpleNamespace

import cv2
import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

from tasks.explain.prediction_rows import label_ranks
from tasks.images.inputs import InputReader
from tasks.images.preprocessing import Preprocessing
from tasks.index.plan import plan_audit
from tasks.localization.shard_rows import ShardLocalization
from tasks.tables.shards import valid_record
from tests.reference import wilson
from tests.tasks import localization_oracles as oracle
from tests.tasks.tiny_audit import SIDE, configure, draw_folders, run_audit, table

KINDS = ("mask", "box", "both", "none", "outside", "unlabelled")
SIZE = (40, 36)  # width, height of every image; its shorter side is resized to RESIZE
NAMES = ("localization", "localization_stats", "localization_curves")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One audit in shards of 1, 5 and all images."""
    folder = tmp_path_factory.mktemp("localization")
    rows = []
    for i, file in enumerate(sorted(draw_folders(folder / "pics", 8).glob("*/*"))):
        kind = KINDS[i % len(KINDS)]
        top, left = 4 + i % 7, 5 + i % 5
        mask = np.zeros((SIZE[1], SIZE[0]), np.uint8)
        mask[top : top + 17, left : left + 19] = 255
        mask[top : top + 4, left : left + 4] = 0  # the object is not its box
        cv2.imwrite(str(folder / f"{i}.png"), mask)
        boxes = f"[[{left}, {top}, {left + 15}, {top + 14}], [1, 1, 2, 2]]"
        of_kind = {"box": boxes, "both": boxes, "outside": "[[-9, -9, -2, -2]]"}
        rows.append(
            {
                "uri": str(file),
                "label": "" if kind == "unlabelled" else i % 3,
                "mask_uri": str(folder / f"{i}.png") if kind in ("mask", "both") else "",
                "boxes": of_kind.get(kind, ""),
                "kind": kind,
            }
        )
    pd.DataFrame(rows).to_csv(folder / "manifest.csv", index=False)
    return {
        size: run_audit(
            configure(
                folder, folder / "manifest.csv", shard_size=size, out=str(folder / f"run-{size}")
            )
        )
        for size in (1, 5, 100)
    }


@pytest.fixture(scope="module")
def run(runs):
    return runs[100]


@pytest.fixture(scope="module")
def restated(run) -> pd.DataFrame:
    """Per image: boxes and mask in the view, score map and enlarged map, in plain loops."""
    manifest = table(run, "manifest").set_index("image_id")
    predictions = table(run, "predictions").set_index("image_id")
    maps = table(run, "heatmaps").set_index(["image_id", "role"])
    settings = run.audit()["preprocessing"]
    scale = settings["resize"] / min(SIZE)
    width, height = (int(settings["resize"] * side / min(SIZE)) for side in SIZE)
    off_x, off_y = (round((side - SIDE) / 2) for side in (width, height))
    assert settings["crop"] == SIDE and height == settings["resize"]
    rows = []
    for image_id, row in manifest.iterrows():
        kind = dict(row["tags"])["kind"]
        if kind not in ("mask", "box", "both"):
            continue
        mask, boxes = None, []
        if isinstance(row["mask_uri"], str):
            given = cv2.imread(row["mask_uri"], cv2.IMREAD_GRAYSCALE) > 0
            mask = np.zeros((SIDE, SIDE), dtype=bool)
            for y in range(SIDE):
                for x in range(SIDE):
                    source = int((y + 0.5 + off_y) / scale), int((x + 0.5 + off_x) * 40 / width)
                    mask[y, x] = given[source]
            ys, xs = np.nonzero(mask)
            boxes = [[xs.min(), ys.min(), xs.max(), ys.max()]]
        if row["boxes"] is not None:
            boxes = []
            for left, top, right, bottom in row["boxes"]:
                x = [edge * width / SIZE[0] - off_x for edge in (left, right)]
                y = [edge * height / SIZE[1] - off_y for edge in (top, bottom)]
                if x[1] > 0 and y[1] > 0:
                    inside = [max(0, min(SIDE - 1, int(e))) for e in (x[0], y[0], x[1], y[1])]
                    boxes.append(inside)
        stored = maps.loc[(image_id, "label")]
        grid = np.asarray(stored["heatmap"], dtype=float).reshape(stored["rows"], stored["cols"])
        scores = oracle.normalised(grid, SIDE)
        rows.append(
            {
                "image_id": image_id, "boxes": boxes, "mask": mask, "grid": grid, "scores": scores,
                "label": row["label"], "right": predictions["correct"][image_id],
            }
        )  # fmt: skip
    return pd.DataFrame(rows).set_index("image_id")


def centre_scores() -> np.ndarray:
    step = (np.arange(SIDE) + 0.5) / SIDE - 0.5
    plain = np.exp(-8 * (step[:, None] ** 2 + step[None] ** 2))
    return (plain - plain.min()) / (plain - plain.min()).max()


def figure(run, name: str, class_idx: int = -1) -> pd.Series:
    stats = table(run, "localization_stats")
    found = stats[(stats["figure"] == name) & (stats["class_idx"] == class_idx)]
    assert len(found) == 1
    return found.iloc[0]


def test_only_labelled_images_with_an_object_in_view_are_in(run, restated):
    rows = table(run, "localization")
    assert rows["image_id"].tolist() == restated.index.tolist() and len(rows) == 12
    sources = dict(zip(rows["image_id"], rows["object_source"], strict=True))
    for image_id, row in restated.iterrows():
        assert sources[image_id] == ("box" if row["mask"] is None else "mask")


def test_the_20_percent_rule(run, restated):
    rows = table(run, "localization").set_index("image_id")
    centre = oracle.cam_rule(centre_scores())
    hits = centre_hits = 0
    for image_id, row in restated.iterrows():
        enlarged = cv2.resize(row["grid"], (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        box = oracle.cam_rule(enlarged)
        best = max(oracle.iou(box, b) for b in row["boxes"]) if box else 0.0
        of_centre = max(oracle.iou(centre, b) for b in row["boxes"])
        stored = rows.loc[image_id]
        assert stored["iou"] == pytest.approx(best, abs=1e-6)
        assert stored["centre_iou"] == pytest.approx(of_centre, abs=1e-6)
        assert stored["correct"] == row["right"] and stored["in_top_5"]
        assert (stored["hit"], stored["centre_hit"]) == (best >= 0.5, of_centre >= 0.5)
        assert pd.isna(stored["box_top"]) == (box is None)
        hits, centre_hits = hits + (best >= 0.5), centre_hits + (of_centre >= 0.5)
    known = figure(run, "gt_known")
    assert (known["value"], known["centre"]) == (hits / 12, centre_hits / 12)
    assert (known["low"], known["high"]) == pytest.approx(wilson(hits, 12))
    top_5 = figure(run, "top_5_error")  # of three classes the label is always among five
    assert top_5["value"] == pytest.approx(1 - hits / 12)
    both = (rows["hit"] & rows["correct"]).sum()
    top_1 = figure(run, "top_1_error")
    assert top_1["value"] == pytest.approx(1 - both / 12)
    assert (top_1["low"], top_1["high"]) == pytest.approx(wilson(12 - both, 12))


@pytest.mark.parametrize(
    ("name", "all_contours", "wanted"),
    [("max_box_acc", False, 0.5), ("box_acc_30", True, 0.3), ("box_acc_50", True, 0.5),
     ("box_acc_70", True, 0.7)],
)  # fmt: skip
def test_box_accuracy_of_the_dataset_is_the_published_one(
    run, restated, name, all_contours, wanted
):
    def published(scores_of: Callable[[pd.Series], np.ndarray]) -> tuple[list[list[float]], float]:
        rows = [row for _, row in restated.iterrows()]
        ious = [oracle.best_ious(scores_of(r), r["boxes"], all_contours) for r in rows]
        return ious, oracle.max_box_acc(ious, wanted)

    stored = figure(run, name)
    ious, (share, threshold) = published(lambda row: row["scores"])
    assert stored["value"] == pytest.approx(share)
    assert stored["threshold"] == pytest.approx(threshold)
    _, (share, threshold) = published(lambda row: centre_scores())
    assert stored["centre"] == pytest.approx(share)
    assert stored["centre_threshold"] == pytest.approx(threshold)
    assert stored["difference"] == pytest.approx(stored["value"] - stored["centre"])
    place = oracle.THRESHOLDS.index(
        min(oracle.THRESHOLDS, key=lambda t: abs(t - stored["threshold"]))
    )
    for class_idx, own in restated.reset_index().groupby("label"):
        mine = [ious[i][place] >= wanted for i in own.index]
        found = figure(run, name, class_idx)
        assert found["value"] == pytest.approx(np.mean(mine)) and found["images"] == len(mine)
        assert (found["low"], found["high"]) == pytest.approx(wilson(sum(mine), len(mine)))


def test_the_second_version_is_the_mean_of_three(run):
    mean, parts = figure(run, "max_box_acc_v2"), [figure(run, f"box_acc_{i}0") for i in (3, 5, 7)]
    for key in ("value", "low", "high", "centre", "difference", "difference_low"):
        assert mean[key] == pytest.approx(np.mean([part[key] for part in parts]))


def test_pxap_is_of_exact_masks_alone(run, restated):
    masked = restated[restated["mask"].notna()]
    stored = figure(run, "pxap")
    assert stored["images"] == len(masked) == 8
    # The maps are enlarged by other arithmetic here: a score may fall into the next bin.
    expected = oracle.pxap(list(masked["scores"]), list(masked["mask"]))
    assert stored["value"] == pytest.approx(expected, abs=2e-3)
    baseline = oracle.pxap([centre_scores()] * len(masked), list(masked["mask"]))
    assert stored["centre"] == pytest.approx(baseline, abs=2e-3)
    for class_idx, own in masked.groupby("label"):
        found = figure(run, "pxap", class_idx)
        of_class = oracle.pxap(list(own["scores"]), list(own["mask"]))
        assert found["value"] == pytest.approx(of_class, abs=2e-3)
        assert found["images"] == len(own) and math.isnan(found["low"])


def test_curves_are_the_published_ones(run, restated):
    curves = table(run, "localization_curves")
    assert len(curves) == 3 * 3 * 255
    ious = [oracle.best_ious(r["scores"], r["boxes"], True) for _, r in restated.iterrows()]
    own = curves[
        (curves["map"] == "label") & (curves["contours"] == "any") & (curves["iou"] == 0.3)
    ]
    for row in own.iloc[::16].to_dict("records"):
        place = round(row["threshold"] * 1000)
        assert row["hits"] == sum(of_image[place] >= 0.3 for of_image in ious)
        assert row["images"] == len(ious)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 5])
def test_tables_are_the_same_for_every_shard_size(runs, name, size):
    one, other = (pq.read_table(runs[s].root / "tables" / name).to_pylist() for s in (size, 100))
    assert [str(row) for row in one] == [str(row) for row in other]


@pytest.mark.parametrize("name", NAMES)
def test_another_reader_sees_the_same(runs, name):
    folder = runs[5].root / "tables" / name
    mine = table(runs[5], name)
    other = duckdb.sql(f"select * from '{folder}/*.parquet'").df()
    assert len(other) == len(mine)
    for column in mine.columns:
        left, right = mine[column].tolist(), other[column].tolist()
        assert str([np.asarray(v).tolist() for v in left]) == str(
            [np.asarray(v).tolist() for v in right]
        ).replace("masked", "nan"), column


def test_threads_change_nothing(run):
    reader = InputReader(Preprocessing(**run.audit()["preprocessing"]), 3)
    rows = pq.read_table(run.table_file("manifest", 0)).to_pylist()
    images = [result.image for result in map(reader.read, rows)]
    heatmaps = pq.read_table(run.table_file("heatmaps", 0))
    ranks = (~table(run, "predictions")["correct"].eq(True)).to_numpy().astype(np.int64)
    for threads in (1, 3):
        localization = ShardLocalization(SIDE, threads)
        localization.update(images, heatmaps, ranks, run.first_method())
        assert localization.rows().equals(pq.read_table(run.table_file("localization", 0)))
        counts = pq.read_table(run.partial_file("localization", 0))
        assert localization.pixel_counts().equals(counts)


def test_ranks_of_labels_break_ties_as_predictions_do():
    rng = np.random.default_rng(2)
    logits = rng.integers(0, 4, (60, 9)).astype(np.float32)  # many are equal
    labels = rng.integers(0, 9, 60)
    images = [SimpleNamespace(label=int(label)) for label in labels]
    ranks = label_ranks(images, SimpleNamespace(logits=torch.from_numpy(logits)))
    for row, label, rank in zip(logits.tolist(), labels, ranks, strict=True):
        order = sorted(range(9), key=[(-value, c) for c, value in enumerate(row)].__getitem__)
        assert order.index(label) == rank


def test_a_shard_that_lost_its_counts_is_done_again(runs):
    run = runs[5]
    plan = plan_audit(
        configure(run.root.parent, run.audit()["config"]["images"], shard_size=5, out=str(run.root))
    )
    file = run.partial_file("localization", 2)
    before = file.read_bytes()
    file.unlink()
    assert [valid_record(run, s) is None for s in plan.shards] == [i == 2 for i in range(5)]
    config = run.audit()["config"]
    run_audit(configure(run.root.parent, config["images"], shard_size=5, out=str(run.root)))
    assert file.read_bytes() == before


def test_without_boxes_and_masks_the_tables_are_empty(tmp_path):
    run = run_audit(configure(tmp_path, draw_folders(tmp_path / "pics", 2)))
    for name in NAMES:
        assert len(table(run, name)) == 0
