"""Several methods in one audit: their rows stand side by side, the first is the one shown."""

import numpy as np
import pandas as pd
import pytest

from tasks.errors import AuditError
from tasks.index.plan import plan_audit
from tests.tasks.tiny_audit import configure, draw_folders, run_audit, table

METHODS = ["gradcam", "gradcam++", "layercam", "eigencam", "shapleycam", "fullgrad", "ablationcam"]
KEYS = ["image_id", "role"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("methods")
    pics = draw_folders(folder / "pics", 3)

    def audit(method: str, name: str):
        return run_audit(configure(folder, pics, method=method, out=str(folder / name)))

    return {name: audit(name, name) for name in METHODS} | {"all": audit(",".join(METHODS), "all")}


def maps_by(run, method: str) -> pd.DataFrame:
    rows = table(run, "heatmaps")
    return rows[rows["method"] == method].sort_values(KEYS, ignore_index=True)


@pytest.mark.parametrize("method", METHODS)
def test_rows_are_those_of_an_audit_by_this_method_alone(runs, method):
    alone, together = maps_by(runs[method], method), maps_by(runs["all"], method)
    if method != METHODS[0]:
        alone = alone[alone["role"] != "contrast"].reset_index(drop=True)
    assert len(together) > 0
    pd.testing.assert_frame_equal(together, alone)


def test_the_contrast_stands_once(runs):
    rows = table(runs["all"], "heatmaps")
    contrast = rows[rows["role"] == "contrast"]
    assert set(contrast["method"]) == {METHODS[0]} and contrast["image_id"].is_unique


@pytest.mark.parametrize("name", ["class_stats", "images"])
def test_statistics_are_of_the_first_method(runs, name):
    pd.testing.assert_frame_equal(table(runs["all"], name), table(runs[METHODS[0]], name))


@pytest.mark.parametrize("method", ["gradcam,gradcam", "gradcam,", "gradcam;cam"])
def test_lists_that_cannot_be(tmp_path, method):
    with pytest.raises((AuditError, ValueError), match="method"):
        configure(tmp_path, draw_folders(tmp_path / "pics", 1), method=method)


def test_cam_among_several_needs_its_head(tmp_path):
    config = configure(
        tmp_path, draw_folders(tmp_path / "pics", 1), method="gradcam,cam", target_layer="trunk.0"
    )
    with pytest.raises(AuditError, match="global pooling"):
        plan_audit(config)


@pytest.mark.parametrize("target", ["probability", "sigmoid"])
def test_the_score_that_is_explained_stands_in_the_table(tmp_path, target):
    """A probability's gradient is p (1 - p) times that of the logit where there are two classes;
    for more the maps of Grad-CAM are compared with autograd in tests of the kernels."""
    pics = draw_folders(tmp_path / "pics", 2)
    runs = {
        scale: run_audit(
            configure(tmp_path, pics, method="hirescam", target=scale, out=str(tmp_path / scale))
        )
        for scale in ("logit", target)
    }
    logit, other = (table(runs[scale], "heatmaps") for scale in ("logit", target))
    assert set(logit["target"]) == {"logit"} and set(other["target"]) == {target}
    if target == "sigmoid":
        predictions = table(runs["logit"], "predictions").set_index("image_id")
        mine, theirs = (
            rows[rows["role"] == "predicted"].set_index("image_id")["scale"]
            for rows in (logit, other)
        )
        slope = 1 / (1 + np.exp(-predictions["top_k_logit"].str[0].astype(float)))
        expected = mine * slope * (1 - slope)
        np.testing.assert_allclose(theirs, expected[theirs.index], rtol=1e-3)
