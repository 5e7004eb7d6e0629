"""Accuracy on real photographs with real weights, against published numbers and a plain loop."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torchvision import models
from torchvision.transforms import v2

from tasks.config import AuditConfig
from tests.tasks.tiny_audit import run_audit, table

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
PHOTOGRAPHS = DATA / "imagenette_val"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not PHOTOGRAPHS.is_dir(), reason=f"the photographs are not at {DATA}"),
]


@pytest.fixture(scope="module")
def labels() -> pd.DataFrame:
    return pd.read_csv(PHOTOGRAPHS / "labels.csv")


def audit(folder: Path, images: Path | str, labels: pd.DataFrame, model: str, crop: int):
    with (folder / "classes.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["class_idx", "name", "folder"])
        kinds = labels[["imagenet_index", "torchvision_category", "wnid"]].drop_duplicates()
        writer.writerows(kinds.itertuples(index=False))
    config = AuditConfig(
        images=str(images), model=f"torchvision:{model}", out=str(folder / "run"),
        weights=str(DATA / "weights" / f"{model}.pth"), classes=str(folder / "classes.csv"),
        resize=256, crop=crop, mean=MEAN, std=STD, interpolation="bicubic", device="cpu",
        shard_size=200, batch_size=25, second_pass=0, roots=(str(folder), str(PHOTOGRAPHS)),
    )  # fmt: skip
    return run_audit(config)


def hits(predictions: pd.DataFrame) -> tuple[float, float]:
    pairs = zip(predictions["label"], predictions["top_k_class"], strict=True)
    return predictions["correct"].mean(), np.mean([label in top for label, top in pairs])


def test_mobilenet_v2_has_its_measured_accuracy(tmp_path, labels):
    run = audit(tmp_path, PHOTOGRAPHS, labels, "mobilenet_v2", 225)
    predictions = table(run, "predictions")
    assert len(predictions) == 500 and len(table(run, "failures")) == 0
    top_1, top_5 = hits(predictions)
    assert top_1 == pytest.approx(0.642, abs=0.005)
    assert top_5 == pytest.approx(0.858, abs=0.005)
    stats = table(run, "class_stats")
    assert stats["correct"].sum() == predictions["correct"].sum()
    assert stats["images"].sum() == 500


def plain_logits(files: list[str], crop: int) -> torch.Tensor:
    model = models.squeezenet1_0(weights=None)
    model.load_state_dict(torch.load(DATA / "weights" / "squeezenet1_0.pth", weights_only=True))
    cut = v2.Compose([v2.Resize(256, v2.InterpolationMode.BICUBIC), v2.CenterCrop(crop)])
    images = []
    for file in files:
        pixels = np.asarray(cut(Image.open(file).convert("RGB")), dtype=np.float32) / 255
        images.append(torch.from_numpy((pixels - np.float32(MEAN)) / np.float32(STD)))
    with torch.no_grad():
        return model.eval()(torch.stack(images).permute(0, 3, 1, 2))


def test_squeezenet1_0_agrees_with_a_plain_loop(tmp_path, labels):
    some = labels.iloc[::10]
    manifest = tmp_path / "m.csv"
    uris = [str(PHOTOGRAPHS / path) for path in some["path"]]
    pd.DataFrame({"uri": uris, "label": some["imagenet_index"]}).to_csv(manifest, index=False)
    predictions = table(
        audit(tmp_path, manifest, labels, "squeezenet1_0", 227), "predictions"
    ).sort_values("image_id")
    logits = plain_logits(uris, 227)
    best = logits.topk(5, dim=1)
    # PIL and torch resize alike to one grey level, and PIL and OpenCV decode alike to a few.
    agreeing = (best.indices[:, 0].numpy() == predictions["predicted"].to_numpy()).mean()
    assert agreeing >= 0.96
    stored = np.stack(predictions["top_k_logit"].to_list())
    assert np.abs(stored[:, 0] - best.values[:, 0].numpy()).mean() < 0.15
    expected = (best.indices == torch.tensor(some["imagenet_index"].to_numpy())[:, None]).numpy()
    top_1, top_5 = hits(predictions)
    assert top_1 == pytest.approx(expected[:, 0].mean(), abs=0.021)
    assert top_5 == pytest.approx(expected.any(axis=1).mean(), abs=0.021)
