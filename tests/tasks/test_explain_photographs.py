"""Photographs with ImageNet weights: probabilities of a plain loop, maps on the object."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import models
from torchvision.transforms import v2

from tasks.config import AuditConfig
from tasks.views.explain import explain
from tasks.views.explain_plan import ExplainRequest, plan_explain
from tasks.views.explanation import Explanation

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
PHOTOGRAPHS, WEIGHTS = DATA / "imagenette_val", DATA / "weights" / "squeezenet1_0.pth"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
COUNT, CROP, TOP = 6, 227, 10  # where every label is among the ten

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not PHOTOGRAPHS.is_dir(), reason=f"the photographs are not at {DATA}"),
]


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with (PHOTOGRAPHS / "labels.csv").open() as file:
        return list(csv.DictReader(file))[:COUNT]


@pytest.fixture(scope="module")
def found(rows: list[dict[str, str]]) -> Explanation:
    config = AuditConfig(
        images="-", out="-", model="torchvision:squeezenet1_0", weights=str(WEIGHTS),
        resize=256, crop=CROP, interpolation="bicubic", method="gradcam++", top_k=TOP,
    )  # fmt: skip
    files = tuple(str(PHOTOGRAPHS / row["path"]) for row in rows)
    return explain(plan_explain(ExplainRequest(config, files, sanity=False)), "cpu")


def test_probabilities_are_a_plain_loops(rows: list[dict[str, str]], found: Explanation) -> None:
    model = models.squeezenet1_0()
    model.load_state_dict(torch.load(WEIGHTS, weights_only=True))
    model.eval()
    steps = [v2.Resize(256, v2.InterpolationMode.BICUBIC), v2.CenterCrop(CROP), v2.ToImage()]
    cut = v2.Compose([*steps, v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])
    for row, image in zip(rows, found.images, strict=True):
        picture = cut(Image.open(PHOTOGRAPHS / row["path"]).convert("RGB"))
        with torch.no_grad():
            expected = model(picture[None])[0].double().softmax(dim=0)
        for of in image.top[:5]:  # two decoders differ by a grey level here and there
            assert of.probability == pytest.approx(float(expected[of.class_idx]), abs=0.03)


def test_map_of_the_label_lies_on_the_object(
    rows: list[dict[str, str]], found: Explanation
) -> None:
    boxes = json.loads((PHOTOGRAPHS / "instances_boxes.json").read_text())
    entry = {image["file_name"]: image for image in boxes["images"]}
    lifts = []
    for row, image in zip(rows, found.images, strict=True):
        label = int(row["imagenet_index"])
        place = next((i for i, of in enumerate(image.top) if of.class_idx == label), None)
        if place is None:
            continue
        size = entry[row["path"]]
        scale = 256 / min(size["width"], size["height"])
        inside = np.zeros((CROP, CROP))
        for box in boxes["annotations"]:
            if box["image_id"] == size["id"]:
                x, y, width, height = (edge * scale for edge in box["bbox"])
                left = x - (size["width"] * scale - CROP) / 2
                top = y - (size["height"] * scale - CROP) / 2
                bottom, right = max(0, int(top + height)), max(0, int(left + width))
                inside[max(0, int(top)) : bottom, max(0, int(left)) : right] = 1
        rows_, cols = image.top_maps[place].values.shape
        at = (np.arange(CROP) * rows_ // CROP, np.arange(CROP) * cols // CROP)
        heatmap = image.top_maps[place].values[np.ix_(*at)]
        lifts.append((heatmap * inside).sum() / heatmap.sum() / inside.mean())
    assert len(lifts) >= 5
    assert np.mean(lifts) > 1.1  # boxes fill most of these crops
    assert np.mean(np.array(lifts) > 1) > 0.7, lifts
