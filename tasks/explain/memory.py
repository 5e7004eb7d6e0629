"""Work in batches that are halved where memory runs out."""

from collections.abc import Callable, Sized
from typing import Any, TypeVar

import torch

T = TypeVar("T")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch could have passed; torch's allocator for the CPU has no type of
    error of its own."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


class BatchLimit:
    """The largest batch that has not run out of memory.

    size : images per batch to begin with
    fixed : whether the model takes this size alone
    """

    def __init__(self, size: int, *, fixed: bool) -> None:
        self.size = self.wanted = size
        self._fixed = fixed

    def start(self, halvings: int) -> None:
        """Begin a shard with batches halved so often; once it ran out, the size stays smaller."""
        if not self._fixed:
            self.size = max(1, min(self.size, self.wanted >> halvings))

    def parts(self, work: Callable[[Any], T], items: Sized) -> list[T]:
        """Results of `work` on runs of at most `size` items; where memory runs out all is done
        again in halves.

        Raises: what `work` raises, and for want of memory where the batch cannot be halved.
        """
        while True:
            try:
                starts = range(0, len(items), self.size)
                return [work(items[at : at + self.size]) for at in starts]  # type: ignore[index]
            except Exception as error:
                if not is_out_of_memory(error) or self._fixed or self.size == 1:
                    raise
            # Outside of the handler, whose traceback holds on to the tensors.
            self.size = (self.size + 1) // 2
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
