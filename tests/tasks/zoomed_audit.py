"""A tiny audit whose classes can be told at high zoom alone: fine stripes in a bright patch."""

from pathlib import Path

import numpy as np
from PIL import Image

from tasks.tables.storage import RunFolder
from tests.tasks.measured_audit import finish
from tests.tasks.tiny_audit import configure

SIDE, PATCH, IMAGES = 192, 32, 40

# The model sees 32 x 32 pixels, cells of 8 x 8. Red makes the map; stripes up and down, or
# across, excite units of their own, but only where they are wider than a pixel of the view.
MODEL = """
import torch
from torch import nn

class Net(nn.Module):
    preprocessing = {"resize": 32, "crop": 32, "mean": (0.0,) * 3, "std": (1.0,) * 3}

    def __init__(self):
        super().__init__()
        self.edges = nn.Conv2d(3, 3, 3, padding=1, bias=False)
        self.pool = nn.AvgPool2d(8)
        self.fc = nn.Linear(3, 2)
        with torch.no_grad():
            self.edges.weight.zero_()
            self.edges.weight[0, 0, 1, 1], self.edges.weight[0, 1, 1, 1] = 1.0, -1.0
            self.edges.weight[1, 1, 1, 0], self.edges.weight[1, 1, 1, 2] = -1.0, 1.0
            self.edges.weight[2, 1, 0, 1], self.edges.weight[2, 1, 2, 1] = -1.0, 1.0
            self.fc.weight.copy_(torch.tensor([[1.0, 0, 0], [0.9, 0, 0]]))
            self.fc.bias.zero_()

    def forward(self, x):
        x = self.edges(x)
        x = self.pool(torch.relu(x))
        return self.fc(x.mean(dim=(2, 3)))

def build():
    return Net()
"""


def striped(label: int, seed: int) -> np.ndarray:
    """A grey picture with a red patch of 32 pixels, whose green has stripes of 2 + 2 pixels."""
    generator = np.random.default_rng(seed)
    image = np.full((SIDE, SIDE, 3), 90, np.uint8)
    image += generator.integers(0, 4, image.shape, dtype=np.uint8)
    stripes = np.tile(np.repeat([0, 120], 2), PATCH // 4).astype(np.uint8)
    patch = np.zeros((PATCH, PATCH, 3), np.uint8)
    patch[..., 0] = 250
    patch[..., 1] = stripes[None, :] if label == 0 else stripes[:, None]
    top, left = generator.integers(0, SIDE - PATCH, 2)
    image[top : top + PATCH, left : left + PATCH] = patch
    return image


def zoomed_audit(folder: Path, *, boxes: bool = True, **changes: object) -> RunFolder:
    lines = ["uri,label,boxes"]
    for i in range(IMAGES):
        image = striped(i % 2, i)
        (folder / "images").mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / "images" / f"{i}.png", compress_level=0)
        rows, cols = np.nonzero(image[..., 0] == 250)
        box = [int(n) for n in (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1)]
        lines.append(f'images/{i}.png,{i % 2},"{[box]}"' if boxes else f"images/{i}.png,{i % 2},")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    (folder / "code").mkdir()
    (folder / "code" / "zoom.py").write_text(MODEL)
    own = {"model": f"{folder / 'code' / 'zoom.py'}:build", "second_pass": 0, "top_k": 2,
           "target_layer": "pool", **changes}  # fmt: skip
    return finish(configure(folder, folder / "manifest.csv", **own))
