"""A dataset of any number of rows whose pictures take no disk, and a tiny network for it."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.torch import save_file

from tasks.model.loading import load_model
from tests.benchmarks.made_pictures import IMAGE_SEED, ROOT, SIDE, picture

UNITS = 64
CAMERAS = 5
_LEARNT_FROM = 16  # pictures per class

MODEL = f"""
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

CLASSES = {{CLASSES}}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(3, {UNITS}, 8, stride=4), nn.ReLU(inplace=True),
        )
        self.fc = nn.Linear({UNITS}, CLASSES)

    def forward(self, x):
        return self.fc(self.trunk(x).mean(dim=(2, 3)))


def build():
    weights = Path(__file__).with_name("tiny.safetensors")
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = Net()
    if weights.exists():
        model.load_state_dict(load_file(str(weights)))
    model.preprocessing = {{
        "resize": {SIDE}, "crop": {SIDE}, "mean": (0.5,) * 3, "std": (0.25,) * 3
    }}
    return model
"""


def write_manifest(file: Path, rows: int, classes: int, period: int) -> Path:
    """Parquet, written a part at a time: uri, label and one tag; `period` rows in the order of
    their labels, and so on again."""
    schema = pa.schema({"uri": pa.string(), "label": pa.int64(), "camera": pa.string()})
    with pq.ParquetWriter(file, schema) as writer:
        for start in range(0, rows, 50_000):
            numbers = range(start, min(start + 50_000, rows))
            labels = [row % period * classes // period for row in numbers]
            pairs = zip(numbers, labels, strict=True)
            columns = {
                "uri": [f"{ROOT}/{classes}/{label}/{row}.ppm" for row, label in pairs],
                "label": labels,
                "camera": [f"camera {row % CAMERAS}" for row in numbers],
            }
            writer.write_table(pa.table(columns, schema=schema))
    return file


def write_model(folder: Path, classes: int) -> str:
    """The specification of a network whose trunk is random and whose head is learnt in closed
    form: linear discriminants of the pooled units of a few other pictures of each class."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.py").write_text(MODEL.replace("{CLASSES}", str(classes)))
    spec = f"{folder / 'model.py'}:build"
    network: Any = load_model(spec, None).module
    with torch.inference_mode():
        pooled = torch.stack([_pooled(network, class_idx, classes) for class_idx in range(classes)])
    mean = pooled.mean(dim=1)
    within = (pooled - mean[:, None]).flatten(0, 1)
    covariance = within.T @ within / len(within)
    ridge = 1e-6 * covariance.trace() * torch.eye(UNITS)
    # About the mean of all classes, or every map would be all over the picture.
    centre = mean.mean(dim=0)
    head = torch.linalg.solve(covariance + ridge, (mean - centre).T).T
    weights = dict(network.state_dict())
    weights["fc.weight"] = head.contiguous()
    weights["fc.bias"] = -0.5 * (head * (mean + centre)).sum(dim=1)
    save_file(weights, folder / "tiny.safetensors")
    return spec


def _pooled(network: Any, class_idx: int, classes: int) -> torch.Tensor:
    """(pictures, UNITS), of pictures that are in no manifest."""
    pixels = np.stack(
        [picture(i, class_idx, classes, seed=IMAGE_SEED + 1) for i in range(_LEARNT_FROM)]
    )
    inputs = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    pooled: torch.Tensor = network.trunk((inputs - 0.5) / 0.25).mean(dim=(2, 3))
    return pooled
