"""Small datasets that a network can learn, and trainings of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from tasks.training.config import TrainConfig
from tasks.training.history import History

CLASSES = ("ant", "bee", "cat")
SIDE = 24

# Batch norm and dropout, whose modes matter, and a linear head.
BASE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()
        )
        self.body = nn.Sequential(
            nn.Sequential(nn.Conv2d(8, 10, 3, padding=1), nn.BatchNorm2d(10), nn.ReLU()),
            nn.Sequential(nn.Conv2d(10, 12, 3, stride=2, padding=1), nn.BatchNorm2d(12), nn.ReLU()),
        )
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(12, 5)

    def forward(self, x):
        return self.fc(self.drop(self.body(self.stem(x)).mean(dim=(2, 3))))

def build():
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = Net()
    model.preprocessing = {"resize": 24, "crop": 24, "mean": (0.5, 0.4, 0.3), "std": (0.2,) * 3}
    return model
"""


def draw(file: Path, kind: int, seed: int, size: tuple[int, int] = (30, 26)) -> None:
    """Noise with a square of a colour that tells the class, somewhere."""
    rng = np.random.default_rng([seed, kind])
    pixels = rng.integers(60, 200, (size[1], size[0], 3))
    top, left = rng.integers(0, size[1] - 12), rng.integers(0, size[0] - 12)
    pixels[top : top + 12, left : left + 12] = [20, 20, 20]
    pixels[top : top + 12, left : left + 12, kind] = 240
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(file)


def draw_folders(root: Path, per_class: int = 10, names: tuple[str, ...] = CLASSES) -> Path:
    """A folder with a folder of images per class."""
    for kind, name in enumerate(names):
        for i in range(per_class):
            draw(root / name / f"{i:03d}.png", kind, seed=i)
    return root


def write_base(folder: Path, source: str = BASE) -> str:
    """The specification of a model file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "net.py").write_text(source)
    return f"{folder / 'net.py'}:build"


def configure(folder: Path, images: Path | str, **changes: object) -> TrainConfig:
    """A training whose files stand in `folder`; from scratch for a few epochs."""
    values = {
        "images": str(images), "model": write_base(folder / "code"), "out": str(folder / "out"),
        "device": "cpu", "epochs": 3, "batch_size": 8,
    }  # fmt: skip
    return TrainConfig.model_validate({**values, **changes})


class Silent:
    """Shows nothing, and counts what it is told.

    on_epoch : called after each
    """

    def __init__(self, on_epoch: Callable[[int], None] = lambda _: None) -> None:
        self.steps: list[int] = []
        self.epochs: list[int] = []
        self.images: dict[str, int] = {}
        self._on_epoch = on_epoch

    @property
    def watcher(self) -> "Silent":
        return self

    @contextmanager
    def advancing(self, stage: str, images: int) -> Iterator[Callable[[int], None]]:
        del images

        def advance(done: int) -> None:
            self.images[stage] = self.images.get(stage, 0) + done

        yield advance

    def start(self, history: History, epochs: int, steps: int) -> None:
        del history, epochs, steps

    def step(self, step: int, loss: float) -> None:
        del loss
        self.steps.append(step)

    def end_epoch(self, history: History) -> None:
        self.epochs.append(history[-1].epoch)
        self._on_epoch(history[-1].epoch)
