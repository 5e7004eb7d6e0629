"""A small model of a file, pictures, and what `camaudit explain` is asked about them."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from tasks.config import load_config
from tasks.model.loading import load_model
from tasks.views.explain_plan import ExplainRequest

MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.2, 0.3)

MODEL = """
import torch
from torch import nn

class Net(nn.Module):
    preprocessing = {"resize": 32, "crop": 32, "mean": (0.5, 0.4, 0.3), "std": (0.25, 0.2, 0.3)}

    def __init__(self, wrap=lambda logits: logits):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(6, 10, 3, padding=1)
        self.relu = nn.ReLU()
        self.twice = nn.Sigmoid()
        self.gap = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(10, 7)
        self.wrap = wrap

    def forward(self, x):
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.relu(self.conv2(self.twice(self.twice(x))))
        return self.wrap(self.head(self.gap(x).flatten(1)))

def seeded(**other):
    torch.manual_seed(1)
    return Net(**other)

def build(): return seeded()
def with_dict(): return seeded(wrap=lambda logits: {"logits": logits})
def with_tuple(): return seeded(wrap=lambda logits: (logits, logits))
def with_huge(): return seeded(wrap=lambda logits: logits * 1e30 * 1e30)

def with_nan():
    net = seeded()
    with torch.no_grad():
        net.conv2.weight[3, 1, 0, 2] = float("nan")
    return net

class Opaque(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x * 2

    @staticmethod
    def backward(ctx, gradient): return gradient * 2

def opaque(): return seeded(wrap=Opaque.apply)

def flat():
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 7))
    net.preprocessing = Net.preprocessing
    return net
"""

CLASSES = "class_idx,name,folder\n" + "".join(
    f"{class_idx},{name},{class_idx}\n"
    for class_idx, name in enumerate(("ape", "bee", "crane", "crane", "dog", "<eel> & co", "fox"))
)


def write_world(root: Path) -> Path:
    """model.py, classes.csv, and pictures a/1.png and b/1.png of the same name."""
    (root / "model.py").write_text(MODEL)
    (root / "classes.csv").write_text(CLASSES)
    generator = np.random.default_rng(5)
    for folder in ("a", "b"):
        (root / folder).mkdir()
        pixels = generator.integers(0, 256, (32, 32, 3)).astype(np.uint8)
        cv2.imwrite(str(root / folder / "1.png"), pixels)
    return root


def request(root: Path, *images: str, build: str = "build", **given: Any) -> ExplainRequest:
    """Keys of ExplainRequest by their name, the others for AuditConfig."""
    own = {key: given.pop(key) for key in list(given) if key in ExplainRequest.__annotations__}
    model = f"{root / 'model.py'}:{build}"
    config = load_config(
        None,
        {"images": "-", "out": "-", "model": model, "classes": str(root / "classes.csv")} | given,
    )
    return ExplainRequest(config, tuple(str(root / name) for name in images or ("a/1.png",)), **own)


def model_of(root: Path) -> nn.Module:
    return load_model(f"{root / 'model.py'}:build", None).module


def pixels_of(file: Path) -> npt.NDArray[np.uint8]:
    """RGB of a picture that the preprocessing leaves as it is: 32 x 32."""
    return cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)


def input_of(file: Path) -> Tensor:
    """The model's input, float32, shape (1, 3, 32, 32)."""
    scaled = (pixels_of(file) / 255.0 - np.array(MEAN)) / np.array(STD)
    return torch.from_numpy(scaled.transpose(2, 0, 1)[None]).float()
