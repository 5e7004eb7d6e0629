"""Those who are told how a training goes."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from tasks.training.history import History


class Watcher(Protocol):
    """Told of every step and every epoch."""

    def start(self, history: History, epochs: int, steps: int) -> None:
        """Before the first step of this process.

        history : of the epochs that are done
        epochs, steps : of the whole training at most, and of one epoch
        """

    def step(self, step: int, loss: float) -> None:
        """After a step, counted over all epochs from 1 on."""

    def end_epoch(self, history: History) -> None:
        """After an epoch was measured and stored."""


class Shown(Protocol):
    """What a command shows while it trains."""

    def advancing(self, stage: str, images: int) -> AbstractContextManager[Callable[[int], None]]:
        """For a stage before the training: gives what is told how many images are done."""

    @property
    def watcher(self) -> Watcher:
        """For the epochs."""
