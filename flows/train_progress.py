"""What a person sees while a model is trained."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from flows.progress import console
from flows.run_again import advancing
from tasks.training.history import History


class TrainProgress:
    """Bars on a terminal with epoch, loss and accuracy; silent elsewhere."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[said]}", style="cyan"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            speed_estimate_period=120,
        )
        self._task = self._progress.add_task("Epoch 1", total=None, said="", visible=False)
        self._epochs = self._steps = 1
        self._measured = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    @property
    def watcher(self) -> Self:
        """The bars themselves."""
        return self

    @contextmanager
    def advancing(self, stage: str, images: int) -> Iterator[Callable[[int], None]]:
        """A bar of its own for a stage before the training."""
        with advancing(stage, "images", images) as advance:
            yield advance

    def start(self, history: History, epochs: int, steps: int) -> None:
        """Show the bar; epochs of earlier calls are counted as done."""
        done = max((row.epoch for row in history), default=0)
        if done:
            console.print(f"{done} of {epochs} epochs are done already.")
        self._epochs, self._steps = epochs, steps
        self._progress.reset(self._task, total=epochs * steps, completed=done * steps, visible=True)
        self._progress.start()

    def step(self, step: int, loss: float) -> None:
        """Count a step; the loss is that of its batch."""
        epoch = (step - 1) // self._steps + 1
        self._progress.update(
            self._task,
            completed=step,
            description=f"Epoch {epoch}/{self._epochs}",
            said=f"loss {loss:.3f}{self._measured}",
        )

    def end_epoch(self, history: History) -> None:
        """Remember what was measured."""
        last = history[-1]
        self._measured = f"; validation {last.loss:.3f}, {100 * last.accuracy:.1f} %"
