"""The measures of a tiny audit against plain loops over its model and images."""

import math
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cam_kernels.faithfulness.baselines import random_maps
from tasks.faithfulness.plan import BASELINES, Options
from tasks.tables.storage import RunFolder
from tests.cam_kernels.faithfulness import slow
from tests.cam_kernels.faithfulness.test_linear_imputation import exact
from tests.tasks.measured_audit import BOX, facts, finished_audit, measure
from tests.tasks.tiny_audit import SIDE, table

IMAGES, STEPS, SEED = 3, 5, 4
METHODS = ("gradcam", "layercam")
OPTIONS = Options(methods=METHODS, images=IMAGES, steps=STEPS, seed=SEED)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    run = finished_audit(tmp_path_factory.mktemp("audit"), IMAGES)
    measure(run, OPTIONS)
    return run


class Restated:
    """The model in float64, and its maps by the formulas of the papers behind GAP + linear."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = runpy.run_path(str(folder / "code" / "model.py"))["build"]().double().eval()
        self.blurred = [slow.blurred(self.image(image_id)) for image_id in range(IMAGES)]

    def image(self, image_id: int) -> np.ndarray:
        pixels = np.asarray(Image.open(self.folder / f"{image_id}.png"), dtype=np.float64)
        return ((pixels / 255 - (0.5, 0.4, 0.3)) / 0.2).transpose(2, 0, 1)

    def logits(self, image: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return self.model(torch.from_numpy(image)[None])[0].numpy()

    def predicted(self, image_id: int) -> int:
        return int(self.logits(self.image(image_id)).argmax())

    def score(self, image_id: int) -> slow.Score:
        class_idx = self.predicted(image_id)

        def score(image: np.ndarray) -> float:
            powers = np.exp(self.logits(image) - self.logits(image).max())
            return float(powers[class_idx] / powers.sum())

        return score

    def map(self, method: str, image_id: int) -> np.ndarray:
        ids = torch.tensor([image_id])
        if method == "random map":
            return random_maps(ids, 8, 8, SEED)[0].double().numpy()
        if method == "random order":
            return random_maps(ids, SIDE, SIDE, SEED + 1)[0].double().numpy()
        if method == "centre map":
            place = (np.arange(8) + 0.5) / 8 - 0.5
            return np.exp(-(place[:, None] ** 2 + place**2) / (2 * 0.25**2))
        with torch.no_grad():
            activations = self.model.trunk(torch.from_numpy(self.image(image_id))[None])[0].numpy()
        weights = self.model.fc.weight.detach().numpy()[self.predicted(image_id)]
        if method == "layercam":  # the gradient's positive part, element by element
            weights = np.maximum(weights, 0)
        total = sum(w * a for w, a in zip(weights, activations, strict=True))
        return np.maximum(total, 0)


@pytest.fixture(scope="module")
def restated(run: RunFolder) -> Restated:
    return Restated(run.root.parent)


@pytest.fixture(scope="module")
def values(run: RunFolder) -> dict[tuple[int, str, str], float]:
    rows = table(run, "faithfulness")
    keys = zip(rows["image_id"], rows["method"], rows["measure"], strict=True)
    return dict(zip(keys, rows["value"], strict=True))


def test_one_row_per_image_method_and_measure(run: RunFolder, restated: Restated) -> None:
    rows = table(run, "faithfulness")
    every = len(METHODS) + len(BASELINES)
    assert len(rows) == IMAGES * (every * 8 + (every - 1) * 2)  # no grid, no object numbers
    assert not rows.duplicated(["image_id", "method", "measure"]).any()
    for image_id, class_idx in zip(rows["image_id"], rows["class_idx"], strict=True):
        assert class_idx == restated.predicted(image_id)


@pytest.mark.parametrize("method", [*METHODS, *BASELINES])
def test_deletion_and_insertion_equal_plain_loops(
    run: RunFolder, restated: Restated, values: dict[Any, float], method: str
) -> None:
    curves = table(run, "faithfulness_curves")
    expected: dict[str, list[list[float]]] = {}
    for image_id in range(IMAGES):
        image, heatmap = restated.image(image_id), restated.map(method, image_id)
        mean, blur = slow.mean_colour(image), restated.blurred[image_id]
        for name, ends in (
            ("deletion_mean", (image, mean)),
            ("insertion_mean", (mean, image)),
            ("deletion_blur", (image, blur)),
            ("insertion_blur", (blur, image)),
        ):
            curve, area = slow.curve(*ends, heatmap, STEPS, restated.score(image_id))
            assert values[image_id, method, name] == pytest.approx(area, abs=1e-4)
            expected.setdefault(name, []).append(curve)
    for name, found in expected.items():
        own = curves[(curves["method"] == method) & (curves["measure"] == name)]
        assert own["share"].tolist() == pytest.approx([k / STEPS for k in range(STEPS + 1)])
        means = [math.fsum(points) / IMAGES for points in zip(*found, strict=True)]
        assert own["probability"].tolist() == pytest.approx(means, abs=1e-4)


@pytest.mark.parametrize("method", [*METHODS, *BASELINES])
def test_drop_increase_and_gain_equal_plain_loops(
    restated: Restated, values: dict[Any, float], method: str
) -> None:
    for image_id in range(IMAGES):
        expected = slow.explanation_scores(
            restated.image(image_id), restated.map(method, image_id), restated.score(image_id)
        )
        for name, value in zip(("drop", "increase", "gain"), expected, strict=True):
            assert values[image_id, method, f"average_{name}"] == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize("method", ["layercam", "random order"])
def test_road_equals_the_exact_imputation(
    restated: Restated, values: dict[Any, float], method: str
) -> None:
    noise = torch.randn((3, SIDE, SIDE), generator=torch.Generator().manual_seed(SEED))
    image, score = restated.image(0), restated.score(0)
    places, halves = slow.order(restated.map(method, 0), SIDE, SIDE), []
    for percentage in range(10, 100, 10):
        count, found = percentage * len(places) // 100, []
        for gone in (places[:count], places[len(places) - count :]):
            removed = torch.zeros((SIDE, SIDE), dtype=torch.bool)
            removed[tuple(zip(*gone, strict=True))] = True
            filled = exact(torch.from_numpy(image), removed)
            found.append(score(filled + 0.01 * noise.double().numpy() * removed.numpy()))
        halves.append((found[1] - found[0]) / 2)
    assert values[0, method, "road"] == pytest.approx(sum(halves) / 9, abs=2e-3)


@pytest.mark.parametrize("method", [*METHODS, "random map", "centre map"])
def test_object_numbers_are_those_of_the_box(
    restated: Restated, values: dict[Any, float], method: str
) -> None:
    left, top, right, bottom = (edge // 4 for edge in BOX)
    for image_id in range(IMAGES - 1):
        heatmap = restated.map(method, image_id)
        inside = heatmap[top:bottom, left:right]
        energy = values[image_id, method, "object_energy"]
        assert energy == pytest.approx(inside.sum() / heatmap.sum(), rel=1e-4)
        hit = values[image_id, method, "pointing_hit"]
        assert hit == float(inside.max() == heatmap.max())
    assert math.isnan(values[IMAGES - 1, method, "object_energy"])


def test_fullgrad_is_averaged_over_the_grid_as_the_audit_does_it(tmp_path: Path) -> None:
    run = finished_audit(tmp_path, 4, method="fullgrad")
    measure(run, Options(methods=("fullgrad",), measures=("object_energy", "pointing_hit")))
    audited = table(run, "heatmaps").query("role == 'predicted'").set_index("image_id")
    rows = table(run, "faithfulness").query("method == 'fullgrad'").set_index("image_id")
    for name, own in rows.groupby("measure"):
        expected = audited.loc[own.index, name].astype(float)
        np.testing.assert_allclose(own["value"], expected, rtol=1e-5)
    assert rows["value"].notna().sum() == 2 * 3


def test_the_summary_holds_the_means_and_the_missing(run: RunFolder) -> None:
    rows, summary = table(run, "faithfulness"), table(run, "faithfulness_summary")
    assert len(summary) == 5 * 8 + 4 * 2
    for row in summary.itertuples():
        own = rows[(rows["method"] == row.method) & (rows["measure"] == row.measure)]["value"]
        assert row.value == pytest.approx(own.mean(), rel=1e-12)
        assert (row.images, row.missing) == (own.notna().sum(), own.isna().sum())
        assert row.baseline == (row.method in BASELINES)
        assert row.missing == (1 if row.measure in ("object_energy", "pointing_hit") else 0)
    assert facts(run)["reference"] == "gradcam"  # gradcam++, the audit's own, was not asked for
