"""The pieces of work that processes share out: a start per seed, a dataset per arm and seed."""

from __future__ import annotations

from pathlib import Path

import cv2
import torch

from tests.planted.arms import ARMS
from tests.planted.audit import audit_dataset
from tests.planted.dataset import DONE, write_dataset
from tests.planted.measured import Measured, measure
from tests.planted.model import build
from tests.planted.pools import Pools
from tests.planted.search import START, search, train_start
from tests.planted.sets import Strength


def use_one_thread() -> None:
    """For the head of every process."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def make_start(pools: Path, out: Path, seed: int, strength: Strength = START) -> Path:
    """Train and store the model that the arms of a seed go on from; what is there stays."""
    use_one_thread()
    if not out.exists():
        torch.save(train_start(Pools(pools), seed, strength).state_dict(), out)
    return out


def make_dataset(pools: Path, start: Path, folder: Path, arm: str, seed: int, tries: int) -> Path:
    """Search a model for an arm and write its dataset and truth; what is there stays."""
    use_one_thread()
    if not (folder / DONE).exists():
        rendered = Pools(pools)
        model = build()
        model.load_state_dict(torch.load(start, weights_only=True))
        write_dataset(folder, search(rendered, ARMS[arm], seed, model, tries), rendered)
    return folder


def make_measures(
    pools: Path,
    start: Path,
    folder: Path,
    arm: str,
    seed: int,
    tries: int,
    budget: float | None = None,
) -> list[Measured]:
    """The dataset of an arm, audited with and without masks, and held against the truth."""
    make_dataset(pools, start, folder, arm, seed, tries)
    return [
        measure(audit_dataset(folder, masked, budget), folder, masked) for masked in (True, False)
    ]
