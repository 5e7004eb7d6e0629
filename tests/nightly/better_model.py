"""The model that the team ships on day 6: the sample's, trained on without its shortcut.

python -m tests.nightly.better_model trains it again, in a few minutes on two cores.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from tasks.sample.model import build
from tasks.sample.plan import plan_training, render_all
from tasks.sample.training import train

BETTER = Path(__file__).with_name("better.safetensors")
SAMPLE = Path(__file__).resolve().parents[2] / "data" / "model.safetensors"
PER_CLASS, EPOCHS = 1000, 12


def train_better_model(out: Path) -> None:
    """Go on from the sample's weights on scenes whose background tells nothing."""
    placements = plan_training(seed=3, correlation=1 / 6, per_class=PER_CLASS)
    images = np.stack([scene.image for scene in render_all(placements)])
    labels = np.array([placement.label for placement in placements], dtype=np.int64)

    def start(num_classes: int) -> torch.nn.Module:
        model = build(num_classes)
        model.load_state_dict(load_file(SAMPLE))
        return model

    model = train(images, labels, EPOCHS, 0, lambda *_: None, start)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, out)


if __name__ == "__main__":
    train_better_model(BETTER)
