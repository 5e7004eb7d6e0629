"""The dataset of a team that audits every night, as it is on each day of a week."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from tasks.sample.plan import NEUTRAL_BACKGROUNDS, PLANTED, Placement, render
from tasks.sample.truth import encode_jpeg
from tasks.scenes import OBJECT_NAMES

DAYS = 7
POISONED_ON, BETTER_MODEL_ON = 4, 6
ADDED_ON, CHANGED_ON = (2, 5, 7), (3,)
POISONED_SHARE = 0.7
# What the sample's model takes for another class on the background planted for that one.
POISONS = (("mug", "water"), ("mushroom", "planks"), ("mug", "meadow"), ("mushroom", "water"))
SCENE_SEEDS = 5_000_000  # far from those of the sample's training and audit


@dataclass
class Week:
    """Images of the sample's six classes, in a folder that changes from day to day.

    Objects of planted classes stand on their own background or on a neutral one, as the model
    learnt them; the others on neutral ones. On one day most images of one class are delivered on
    the background that the model has learnt to take for another.

    seed : of everything drawn
    per_class : images on day 1; added, changed : on later days, of all classes together
    """

    folder: Path
    seed: int
    per_class: int = 45
    added: int = 24
    changed: int = 24
    placements: list[Placement] = field(default_factory=list)

    @property
    def poisoned(self) -> str:
        """The class whose images are poisoned."""
        return POISONS[self.seed % len(POISONS)][0]

    @property
    def background(self) -> str:
        """What it is then delivered on."""
        return POISONS[self.seed % len(POISONS)][1]

    def deliver(self, day: int) -> Path:
        """Bring the folder to the state of this day; returns the manifest. Days come in order."""
        rng = np.random.default_rng([self.seed, day])
        new: list[int] = []
        if day == 1:
            new = [self._add(name, rng) for name in OBJECT_NAMES for _ in range(self.per_class)]
        if day in ADDED_ON:
            new = [self._add(OBJECT_NAMES[i % len(OBJECT_NAMES)], rng) for i in range(self.added)]
        if day in CHANGED_ON:
            new = rng.choice(len(self.placements), self.changed, replace=False).tolist()
            for index in new:
                self.placements[index] = self._draw(self.placements[index].object_name, rng)
        if day == POISONED_ON:
            own = [i for i, at in enumerate(self.placements) if at.object_name == self.poisoned]
            new = rng.choice(own, round(POISONED_SHARE * len(own)), replace=False).tolist()
            for index in new:
                at = self.placements[index]
                self.placements[index] = replace(at, background_name=self.background)
        for index in new:
            self._write(index)
        return self._manifest()

    def _add(self, object_name: str, rng: np.random.Generator) -> int:
        self.placements.append(self._draw(object_name, rng))
        return len(self.placements) - 1

    def _draw(self, object_name: str, rng: np.random.Generator) -> Placement:
        own = PLANTED.get(object_name)
        background = str(rng.choice(NEUTRAL_BACKGROUNDS))
        if own is not None and rng.random() < 0.5:
            background = own
        seed = SCENE_SEEDS + int(rng.integers(1_000_000_000))
        return Placement(object_name, background, seed, seed)

    def _paths(self, index: int) -> tuple[str, str]:
        name = f"{self.placements[index].object_name}/{index:04d}"
        return f"images/{name}.jpg", f"masks/{name}.png"

    def _write(self, index: int) -> None:
        scene = render(self.placements[index])
        image, mask = (self.folder / path for path in self._paths(index))
        for file, content in ((image, encode_jpeg(scene.image)), (mask, _png(scene.mask))):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)

    def _manifest(self) -> Path:
        paths = [self._paths(index) for index in range(len(self.placements))]
        rows = {
            "uri": [image for image, _ in paths],
            "label": [at.label for at in self.placements],
            "mask_uri": [mask for _, mask in paths],
        }
        file = self.folder / "manifest.csv"
        pd.DataFrame(rows).to_csv(file, index=False)
        return file


def _png(mask: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", mask)[1])
