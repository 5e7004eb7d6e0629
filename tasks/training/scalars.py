"""Losses and accuracies as TensorBoard shows them."""

import contextlib
from pathlib import Path
from types import TracebackType
from typing import Self

from tasks.errors import AuditError
from tasks.training.history import History


class Scalars:
    """A watcher that writes events; those after the last stored epoch of a stopped training are
    told to be forgotten. Open while the training runs."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._steps = folder, 1
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise AuditError(
                "training needs tensorboard, which is not installed; pip install 'camaudit[train]'"
            ) from error
        self._kind = SummaryWriter
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def start(self, history: History, epochs: int, steps: int) -> None:
        """Open the file of this process."""
        done = max((row.epoch for row in history), default=0)
        self._steps = steps
        writer = self._kind(str(self._folder), purge_step=done * steps + 1 if done else None)
        self._writer = self._stack.enter_context(contextlib.closing(writer))

    def step(self, step: int, loss: float) -> None:
        """The loss of one batch."""
        self._writer.add_scalar("batch/loss", loss, step)

    def end_epoch(self, history: History) -> None:
        """The numbers of the last epoch, at its last step."""
        for row in history[-2:]:
            step = row.epoch * self._steps
            self._writer.add_scalar(f"loss/{row.split}", row.loss, step)
            self._writer.add_scalar(f"accuracy/{row.split}", row.accuracy, step)
        self._writer.add_scalar("rate", history[-1].rate, history[-1].epoch * self._steps)
        self._writer.flush()
