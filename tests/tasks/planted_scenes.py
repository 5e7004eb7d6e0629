"""Flat scenes and models made by hand: what each background does is known exactly."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tasks.config import AuditConfig
from tests.tasks.tiny_audit import configure, write_model

SIDE = 32
MIDDLE = slice(8, 24)  # rows and columns of the object
ALL_TESTED = 14.0  # forwards per image, the empty one of each shard among them

# A class's logit is its channel's mean over the object's place and over the rest of the view.
MODEL = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells, self.relu = nn.Conv2d(3, 4, 4, stride=4), nn.ReLU()
        self.cells.weight.data = torch.eye(4)[:, :3, None, None].repeat(1, 1, 4, 4) / 16
        self.cells.bias.data.fill_(2.0)
        middle = torch.zeros(8, 8)
        middle[2:6, 2:6] = 1
        self.register_buffer("middle", middle / 16)
        self.register_buffer("rest", (1 - middle) / 48)
        self.register_buffer("of_object", torch.tensor(OF_OBJECT))
        self.register_buffer("of_rest", torch.tensor(OF_REST))

    def forward(self, x):
        cells = self.relu(self.cells(x))[:, :3]  # the fourth is for no class
        inside, outside = ((cells * w).sum(dim=(2, 3)) - 2 for w in (self.middle, self.rest))
        return inside * self.of_object + outside * self.of_rest

def build():
    model = Net()
    model.preprocessing = {"resize": 32, "crop": 32, "mean": (0.5,) * 3, "std": (0.25,) * 3}
    return model
"""

Colour = tuple[int, int, int]
Weights = tuple[float, float, float]
OBJECT_ONLY: tuple[Weights, Weights] = ((3.0, 3.0, 3.0), (0.0, 0.0, 0.0))
# A green background speaks for class 1, more than any object for its own.
GREEN_SHORTCUT: tuple[Weights, Weights] = ((2.0, 2.0, 2.0), (0.0, 16.0, 0.0))


@dataclass(frozen=True)
class Scene:
    label: int
    object_colour: Colour
    background: Colour

    def pixels(self) -> npt.NDArray[np.uint8]:
        return compose(self.object_colour, self.background)


def compose(middle: Colour, rest: Colour) -> npt.NDArray[np.uint8]:
    """uint8, shape (SIDE, SIDE, 3)."""
    view = np.full((SIDE, SIDE, 3), rest, np.uint8)
    view[MIDDLE, MIDDLE] = middle
    return view


def logits_of(view: npt.NDArray[np.uint8], weights: tuple[Weights, Weights]) -> Any:
    """What the model says, in float64: shape (3,)."""
    values = (view / 255 - 0.5) / 0.25
    inside = values[MIDDLE, MIDDLE].mean(axis=(0, 1))
    outside = (values.sum(axis=(0, 1)) - inside * 256) / (SIDE * SIDE - 256)
    return inside * weights[0] + outside * weights[1]


def write_scenes(folder: Path, scenes: list[Scene]) -> Path:
    """Images, masks and their manifest; image_id is the place in the list."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[MIDDLE, MIDDLE] = 255
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(folder / "mask.png")
    lines = ["uri,label,mask_uri"]
    for i, scene in enumerate(scenes):
        Image.fromarray(scene.pixels()).save(folder / f"{i:03d}.png")
        lines.append(f"{i:03d}.png,{scene.label},mask.png")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder / "manifest.csv"


def scene_audit(
    folder: Path, scenes: list[Scene], weights: tuple[Weights, Weights], **changes: Any
) -> AuditConfig:
    """The configuration of an audit of such scenes that tests all of them."""
    source = MODEL.replace("OF_OBJECT", repr(weights[0])).replace("OF_REST", repr(weights[1]))
    manifest = write_scenes(folder / "scenes", scenes)
    values = {"model": write_model(folder / "by_hand", source), "second_pass": ALL_TESTED}
    return configure(folder, manifest, **(values | {"batch_size": 32} | changes))


# Green is the same in objects 0 and 2 as in their backgrounds; object 1 is darker than its own: so
# evening out the colours leaves what each background says as it was.
_OBJECTS: tuple[Colour, ...] = ((200, 128, 60), (40, 190, 40), (60, 128, 200))
_GREEN: Colour = (70, 215, 70)


def shortcut_scenes(per_class: int = 8, mistakes: int = 6) -> list[Scene]:
    """Objects of class 1 on green, all others on grey, but for `mistakes` each of classes 0 and 2
    on green: to GREEN_SHORTCUT those are of class 1. Every image has its own colours."""
    scenes = []
    for i in range(per_class):
        for label, colour in enumerate(_OBJECTS):
            grey = (130 + i, 128, 120 - i)
            scenes.append(Scene(label, colour, _shade(_GREEN, i) if label == 1 else grey))
    for i in range(mistakes):
        scenes += [Scene(label, _OBJECTS[label], _shade(_GREEN, -1 - i)) for label in (0, 2)]
    return scenes


def _shade(colour: Colour, by: int) -> Colour:
    red, green, blue = colour
    return red + by, green, blue - by


def mislabelled_scenes(per_class: int = 8, mistakes: int = 6) -> list[Scene]:
    """Backgrounds that tell nothing, and objects 0 and 2 that carry the label 1."""
    scenes = []
    for i in range(per_class):
        for label, colour in enumerate(_OBJECTS):
            scenes.append(Scene(label, colour, _BACKGROUNDS[(i + label) % 3]))
    for i in range(mistakes):
        scenes += [Scene(1, _OBJECTS[c], _BACKGROUNDS[(i + c) % 3]) for c in (0, 2)]
    return scenes


_BACKGROUNDS: tuple[Colour, ...] = ((190, 120, 70), (80, 220, 80), (70, 120, 190))


def cast_scenes(per_class: int = 8, mistakes: int = 6) -> list[Scene]:
    """A green cast over object and background of some images of class 0, which makes class 1 of
    them. The background alone is blue, so that removing the object changes the prediction."""
    plain: tuple[Colour, ...] = ((150, 100, 100), (100, 150, 100), (100, 100, 150))
    scenes = [
        Scene(label, colour, (110, 110 + i, 125 - i))
        for i in range(per_class)
        for label, colour in enumerate(plain)
    ]
    return scenes + [Scene(0, (150, 180, 100), (110, 190 + i, 240)) for i in range(mistakes)]
