"""Flat pictures with named things in them, and a model whose units are made by hand."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tasks.tables.storage import RunFolder
from tests.tasks.measured_audit import finish
from tests.tasks.tiny_audit import configure, write_model

SIDE = 32
THINGS = {"red disc": (230, 30, 30), "blue bar": (30, 30, 230), "green box": (30, 200, 30)}

# Unit 0 answers to red, 1 to blue, 2 to nothing, 3 to green at a ceiling, 4 to red in one place
# of the grid, 5 to all light. The class is that of the reddest picture, or else the bluest.
MODEL = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells, self.relu = nn.Conv2d(3, 6, 4, stride=4), nn.ReLU6()
        colours = torch.tensor([[1, -1, -1], [-1, -1, 1], [0, 0, 0], [-9, 20, -9], [9, -9, -9],
                                [1, 1, 1.0]])
        self.cells.weight.data = colours[:, :, None, None].repeat(1, 1, 4, 4) / 16
        self.cells.bias.data = torch.tensor([0.0, 0, 0, -1, -12, 3])
        self.fc = nn.Linear(6, 3)
        self.fc.weight.data = torch.eye(6)[:3] * 20
        self.fc.bias.data = torch.tensor([0, 0.0, 0.3])

    def forward(self, x):
        return self.fc(self.relu(self.cells(x)).mean(dim=(2, 3)))

def build():
    model = Net()
    model.preprocessing = {"resize": 32, "crop": 32, "mean": (0.5,) * 3, "std": (0.25,) * 3}
    return model
"""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Thing:
    """A square of one colour: name, and left, top and side in pixels."""

    name: str
    left: int
    top: int
    side: int

    @property
    def box(self) -> list[int]:
        return [self.left, self.top, self.left + self.side, self.top + self.side]

    @property
    def inside(self) -> Mask:
        mask = np.zeros((SIDE, SIDE), dtype=bool)
        mask[self.top : self.top + self.side, self.left : self.left + self.side] = True
        return mask


def scenes(images: int, seed: int = 0) -> list[list[Thing]]:
    """Two things beside each other in each picture, one on each half, in turn."""
    generator = np.random.default_rng(seed)
    found = []
    for i in range(images):
        names = ["red disc", "blue bar"] if i % 3 else ["green box", "red disc"]
        halves = generator.permutation(2)
        sides = generator.integers(7, 13, 2)
        found.append(
            [
                Thing(name, int(16 * half + generator.integers(0, 17 - side)),
                      int(generator.integers(0, 33 - side)), int(side))
                for name, half, side in zip(names, halves, sides, strict=True)
            ]
        )  # fmt: skip
    return found


def draw_scene(file: Path, things: list[Thing], seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(90, 120, (SIDE, SIDE, 3)).astype(np.uint8)
    for thing in things:
        pixels[thing.inside] = THINGS[thing.name]
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)


def scene_audit(
    folder: Path, things: list[list[Thing]], *, named: int, labels: list[int], **changes: Any
) -> RunFolder:
    """An audit of these pictures; the boxes of the first `named` have names, and of the first
    picture the first thing has a mask too."""
    lines = ["uri,label,boxes,box_names,mask_uri,mask_name"]
    for i, of_image in enumerate(things):
        draw_scene(folder / "images" / f"{i}.png", of_image, seed=i)
        boxes = [thing.box for thing in of_image]
        names = str([thing.name for thing in of_image]).replace("'", '""')
        given = f'"{boxes}","{names}"' if i < named else f'"{boxes}",'
        lines.append(f"images/{i}.png,{labels[i]},{given},,")
    first = things[0][0]
    Image.fromarray(first.inside.astype(np.uint8) * 255).save(folder / "mask.png")
    lines[1] = lines[1].removesuffix(",,") + f",mask.png,{first.name}"
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    model = write_model(folder / "scenes", MODEL)
    config = configure(folder, folder / "manifest.csv", second_pass=0, **changes)
    return finish(config.model_copy(update={"model": model, "target_layer": "relu"}))
