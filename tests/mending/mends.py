"""The mends, by `camaudit train`'s own code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tasks.sample.training import MEAN, STD
from tasks.training.config import TrainConfig
from tasks.training.history import History
from tasks.training.plan import plan_training
from tasks.training.stage import train
from tests.mending.dataset import Dataset
from tests.mending.shortcut import MODEL
from tests.planted.pools import SIZE

# The whole network is small and was made here, so all of it goes on to be trained.
_ALL_OF_IT: dict[str, Any] = {
    "way": "finetune",
    "unfreeze": 100,
    "block_rate": 1.0,
    "head_epochs": 1,
    "epochs": 5,
    "rate": 2e-3,
    "batch_size": 64,
}
FLAGS: dict[str, dict[str, Any]] = {
    "last layer": {"way": "dfr", "group_by": "background"},
    "backgrounds": {**_ALL_OF_IT, "mend": "backgrounds", "composites": 2},
    "trained on": _ALL_OF_IT,
    "reweight": {**_ALL_OF_IT, "mend": "reweight", "group_by": "background"},
}


def mend(name: str, data: Dataset, weights: Path, out: Path, seed: int) -> Path:
    """Mend the shortcut model in one way; a finished training stays as it is.

    Returns: the folder, which an audit takes as a model.
    """
    config = TrainConfig.model_validate(
        {
            "images": str(data.training),
            "model": MODEL,
            "weights": str(weights),
            "classes": str(data.classes),
            "out": str(out),
            "device": "cpu",
            "resize": SIZE,
            "crop": SIZE,
            "mean": MEAN,
            "std": STD,
            "seed": seed,
            **FLAGS[name],
        }
    )
    plan = plan_training(config, "cpu")
    if not plan.folder.is_finished():
        train(plan, Quiet())
    return out


class Quiet:
    """Shows nothing of a training."""

    @property
    def watcher(self) -> Quiet:
        """Itself."""
        return self

    @contextmanager
    def advancing(self, stage: str, images: int) -> Iterator[Callable[[int], None]]:
        """Counts nothing."""
        yield lambda _count: None

    def start(self, history: History, epochs: int, steps: int) -> None:
        """Nothing."""

    def step(self, step: int, loss: float) -> None:
        """Nothing."""

    def end_epoch(self, history: History) -> None:
        """Nothing."""
