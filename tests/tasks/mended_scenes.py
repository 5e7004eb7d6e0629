"""Flat scenes of three classes, each mostly before a wall of its own, for trainings that mend."""

from pathlib import Path
from typing import Any

import pandas as pd

from tasks.training.config import TrainConfig
from tests.mending.mends import Quiet as Quiet
from tests.tasks.planted_scenes import Scene, write_scenes
from tests.tasks.tiny_audit import write_model

OBJECTS = ((200, 60, 60), (60, 200, 60), (60, 60, 200))
WALLS = ((130, 120, 40), (40, 130, 120), (120, 40, 130))
NAMES = ("brown", "teal", "plum")


def write_walls(folder: Path, train: int = 10, held_out: int = 4) -> Path:
    """Manifest with tag `wall`: in training one scene in five is before another wall; held out are
    as many of each class before each wall."""
    places = [
        ("train", label, label if i % 5 else (label + 1) % 3)
        for label in range(3)
        for i in range(train)
    ]
    places += [
        ("val", label, wall) for label in range(3) for wall in range(3) for _ in range(held_out)
    ]
    scenes = []
    for i, (_, label, wall) in enumerate(places):
        shade = (7 * i) % 11 - 5  # no two alike
        scenes.append(Scene(label, OBJECTS[label], tuple(c + shade for c in WALLS[wall])))  # type: ignore[arg-type]
    manifest = write_scenes(folder, scenes)
    rows = pd.read_csv(manifest)
    rows["split"] = [split for split, _, _ in places]
    rows["wall"] = [NAMES[wall] for _, _, wall in places]
    rows.to_csv(manifest, index=False)
    return manifest


def configure_training(folder: Path, manifest: Path, **changes: Any) -> TrainConfig:
    """A small training that goes on from the tiny audit's model, on a CPU."""
    values = {
        "images": str(manifest), "model": write_model(folder / "code"), "out": str(folder / "out"),
        "device": "cpu", "way": "dfr", "group_by": "wall", "batch_size": 8,
    }  # fmt: skip
    return TrainConfig.model_validate({**values, **changes})
