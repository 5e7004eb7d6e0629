"""What a team has: training images with a shortcut, some hundred held out, and a test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from tasks.sample.plan import CORRELATION
from tasks.scenes import OBJECT_NAMES
from tests.planted.arms import ARMS
from tests.planted.pictures import Picture, draw, object_layer
from tests.planted.pools import Pools, PoolSizes
from tests.planted.sets import Strength, plan_training

ARM = ARMS["texture"]  # the cue is the kind of background, as in the sample
GROUPS = tuple((label, cue) for label in range(len(OBJECT_NAMES)) for cue in ARM.cues)
_HELD_OUT_BACKGROUNDS = 1 / 3  # of the audit's pool; the others are for the test images


@dataclass(frozen=True)
class Sizes:
    """training : images per class
    held_out, held_out_home : of each of the 36 groups; of a planted class on its own background
    test : images of each group
    epochs : of the shortcut model
    backgrounds : of each kind, for what is held out and tested
    """

    training: int = 700
    held_out: int = 10
    held_out_home: int = 30
    test: int = 25
    epochs: int = 14
    backgrounds: int = 150

    @property
    def pools(self) -> PoolSizes:
        """Objects are shown once each but in training; nothing is re-rendered."""
        per_class = len(ARM.cues) * (self.held_out + self.test) + self.held_out_home
        objects = self.training // 2
        return PoolSizes(objects, per_class, objects // 2, self.backgrounds, 1)


@dataclass(frozen=True)
class Dataset:
    """training : manifest of what is trained with, split train and val, which is held out
    test : manifest of what is audited
    classes : the classes file
    """

    training: Path
    test: Path
    classes: Path


def dataset_in(folder: Path) -> Dataset:
    """Where the files of a data set are."""
    return Dataset(*(folder / f"{name}.csv" for name in ("training", "test", "classes")))


def write_dataset(folder: Path, pools: Pools, seed: int, sizes: Sizes) -> Dataset:
    """Compose and store all images of a seed with their masks; `background` is a tag. What is
    there already, from a run that was ended, stays."""
    files = dataset_in(folder)
    if files.classes.exists():
        return files
    strength = Strength(CORRELATION, sizes.training, sizes.epochs, 0.0)
    held_out, test = _plan_held_out(pools, seed, sizes), _plan_test(pools, seed, sizes)
    parts = {"train": plan_training(pools, ARM, strength, seed), "val": held_out, "test": test}
    tables = {split: _write(folder, split, pools, places) for split, places in parts.items()}
    pd.concat([tables["train"], tables["val"]]).to_csv(files.training, index=False)
    tables["test"].to_csv(files.test, index=False)
    names = pd.DataFrame({"class_idx": range(len(OBJECT_NAMES)), "name": OBJECT_NAMES})
    names.to_csv(files.classes, index=False)
    return files


def _plan_held_out(pools: Pools, seed: int, sizes: Sizes) -> list[Picture]:
    counts = [
        sizes.held_out_home if ARM.planted_for(label) == cue else sizes.held_out
        for label, cue in GROUPS
    ]
    last = int(_HELD_OUT_BACKGROUNDS * pools.backgrounds("audit"))
    return _place(counts, 0, range(last), np.random.default_rng([seed, 4]))


def _plan_test(pools: Pools, seed: int, sizes: Sizes) -> list[Picture]:
    held_out = len(ARM.cues) * sizes.held_out + sizes.held_out_home
    first = int(_HELD_OUT_BACKGROUNDS * pools.backgrounds("audit"))
    backgrounds = range(first, pools.backgrounds("audit"))
    counts = [sizes.test] * len(GROUPS)
    return _place(counts, held_out, backgrounds, np.random.default_rng([seed, 5]))


def _place(
    counts: Sequence[int], first_object: int, backgrounds: range, rng: np.random.Generator
) -> list[Picture]:
    """So many pictures of each of GROUPS, each of another object."""
    pictures: list[Picture] = []
    members = dict.fromkeys(range(len(OBJECT_NAMES)), first_object)
    for (label, cue), count in zip(GROUPS, counts, strict=True):
        for _ in range(count):
            background = int(rng.choice(backgrounds))
            pictures.append(
                Picture(label, label, "audit", members[label], cue, "audit", background, cue)
            )
            members[label] += 1
    return pictures


def _write(folder: Path, split: str, pools: Pools, pictures: Sequence[Picture]) -> pd.DataFrame:
    rows = []
    for index, picture in enumerate(pictures):
        name = f"{OBJECT_NAMES[picture.label]}/{index:05d}.png"
        image, mask = f"{split}/images/{name}", f"{split}/masks/{name}"
        pixels = draw(pools, ARM, picture)[..., ::-1]
        for file, array in ((image, pixels), (mask, object_layer(pools, picture).mask)):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / file), np.ascontiguousarray(array))
        rows.append((image, picture.label, mask, split, picture.cue))
    return pd.DataFrame(rows, columns=["uri", "label", "mask_uri", "split", "background"])
