"""The first pass's background score against a restatement from the stored maps."""

import math

import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy import ndimage

from tests.tasks.tiny_audit import configure, draw_folders, run_audit, table

ROWS = COLS = 8


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Images with a mask, a box, neither, an empty mask, a full one, and without a label."""
    folder = tmp_path_factory.mktemp("background")
    files = sorted(draw_folders(folder / "pics", 8).glob("*/*"))
    rows = []
    for i, file in enumerate(files):
        mask = np.zeros(cv2.imread(str(file)).shape[:2], np.uint8)
        kind = ("mask", "box", "none", "empty", "full", "unlabelled")[i % 6]
        mask[4:20, 6:24] = 255
        mask[:] = {"empty": 0, "full": 255}.get(kind, mask)
        cv2.imwrite(str(folder / f"{i}.png"), mask)
        rows.append(
            {
                "uri": str(file),
                "label": "" if kind == "unlabelled" else i % 3,
                "mask_uri": str(folder / f"{i}.png") if kind in ("mask", "empty", "full") else "",
                "boxes": "[[5, 5, 20, 20]]" if kind == "box" else "",
                "kind": kind,
            }
        )
    pd.DataFrame(rows).to_csv(folder / "manifest.csv", index=False)
    return run_audit(configure(folder, folder / "manifest.csv"))


def kinds(run) -> dict[int, str]:
    tags = table(run, "manifest").set_index("image_id")["tags"]
    return {image_id: dict(of_image)["kind"] for image_id, of_image in tags.items()}


def restated(contrast: np.ndarray, coverage: np.ndarray) -> dict[str, float]:
    off = sum(max(v, 0) * (1 - c) for v, c in zip(contrast, coverage, strict=True))
    score = off / sum(max(v, 0) for v in contrast)
    area = float(np.mean(coverage))
    centre, border = [], []
    for row in range(ROWS):
        for col in range(COLS):
            y, x = (row + 0.5) / ROWS - 0.5, (col + 0.5) / COLS - 0.5
            centre.append(math.exp(-(x * x + y * y) / (2 * 0.25 * 0.25)))
            border.append(float(row in (0, ROWS - 1) or col in (0, COLS - 1)))
    return {
        "object_area": area,
        "score": score,
        "lift": score / (1 - area) if area < 1 else math.nan,
        "uniform_score": 1 - area,
        "centre_score": float(np.dot(centre, 1 - coverage) / np.sum(centre)),
        "border_score": float(np.dot(border, 1 - coverage) / np.sum(border)),
    }


def test_scores_follow_from_the_stored_maps(run):
    background = table(run, "background").set_index("image_id")
    cells = pq.read_table(run.root / "tables" / "cells").to_pandas().set_index("image_id")
    maps = table(run, "heatmaps").set_index(["image_id", "role"])
    checked = set()
    for image_id, kind in kinds(run).items():
        row, contrast = background.loc[image_id], maps.loc[(image_id, "contrast")]
        if kind in ("unlabelled", "empty"):
            assert row.drop("image_id", errors="ignore").isna().all(), kind
            continue
        if kind == "none":
            label_map = np.asarray(maps.loc[(image_id, "label")]["heatmap"], dtype=float)
            groups, _ = ndimage.label((label_map >= 0.2 * label_map.max()).reshape(ROWS, COLS))
            largest = np.bincount(groups.ravel())[1:].argmax() + 1
            coverage = (groups == largest).astype(float).ravel()
            assert cells.loc[image_id, "coverage"] is None
        else:
            coverage = np.asarray(cells.loc[image_id, "coverage"], dtype=float)
        assert row["object_source"] == {"none": "proxy", "full": "mask"}.get(kind, kind)
        if contrast["state"] != "ok":
            continue
        expected = restated(np.asarray(contrast["heatmap"], dtype=float), coverage)
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, abs=2e-3, nan_ok=True), (kind, name)
        checked.add(kind)
    assert checked == {"mask", "box", "none", "full"}


def test_a_full_mask_leaves_no_background(run):
    background = table(run, "background").set_index("image_id")
    for image_id, kind in kinds(run).items():
        if kind == "full":
            assert background.loc[image_id, "score"] in (0.0, pytest.approx(0, abs=1e-6))
            assert math.isnan(background.loc[image_id, "lift"])
