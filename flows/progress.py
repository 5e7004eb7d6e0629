"""What a person sees while shards run."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

console = Console(stderr=True, highlight=False)


class ImagesPerSecond(ProgressColumn):
    """Speed over the last shards."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} images/s", style="cyan")


class ShardProgress:
    """A bar with images per second and time left on a terminal; silent elsewhere.

    stage : what is done, in two words
    total : images that it is done to
    elsewhere : told the share that is done, in [0, 1], whenever it grows
    """

    def __init__(
        self, stage: str, total: int, elsewhere: Callable[[float], None] | None = None
    ) -> None:
        self._elsewhere = elsewhere
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("images"),
            ImagesPerSecond(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            speed_estimate_period=120,
        )
        self._task = self._progress.add_task(stage, total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def advance(self, images: int) -> None:
        """Count images as done."""
        self._progress.advance(self._task, images)
        self._tell()

    def resume(self, images: int) -> None:
        """Count images of earlier runs; they say nothing about the speed of this one."""
        self._progress.reset(self._task, completed=images)
        self._tell()

    def _tell(self) -> None:
        if self._elsewhere is not None:
            self._elsewhere(self._progress.tasks[0].percentage / 100)
