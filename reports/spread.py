"""Work on many pictures or pages, spread over the processors."""

import gc
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache, partial
from importlib import import_module
from threading import Thread
from typing import TypeVar

from loky import ProcessPoolExecutor, cpu_count, get_reusable_executor
from loky.process_executor import BrokenProcessPool, ShutdownExecutorError

# Below it processes, a second of a processor to start each, cost more than they save. Threads
# share out the reading and decoding of photographs, but not what is Python's own.
FEW = 500
IMAGES_PER_PICTURE = 20  # whose numbers are read and written while one picture is drawn
MOST_THREADS = 8
_PER_CALL = 50
_IDLE_S = 20
_WATCHED_S = 2
_ENDED = (BrokenProcessPool, ShutdownExecutorError)

# A process that keeps much memory is replaced between two calls: no leak, and no user's matter.
warnings.filterwarnings("ignore", "A worker (was restarted|stopped)", UserWarning)

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """`work` on each item; the results come in the order of the items.

    Few items are worked in threads, when they are asked for. Many are begun at once, in processes:
    `work` and the items have to be picklable.
    """
    listed = list(items)
    if not _many(len(listed)):
        return _in_threads(work, listed)
    parts = (listed[start : start + _PER_CALL] for start in range(0, len(listed), _PER_CALL))
    begun = [begin(partial(_work_on, work, part), len(listed)) for part in parts]
    return (result for finish in begun for result in finish())


def begin(work: Callable[[], Result], size: int) -> Callable[[], Result]:
    """Begin `work` in another process if it is a lot. What a process was at when it was killed is
    done here.

    size : how many pictures or pages take as long

    Returns: what waits for the result, and gives the same one if asked again
    """
    if not _many(size):
        return cache(work)
    try:
        future = _processes().submit(work)
    except (*_ENDED, OSError):  # killed just now; or a machine that gives no semaphores
        return cache(work)

    @cache
    def finish() -> Result:
        try:
            return future.result()
        except _ENDED:
            return work()

    return finish


def start_processes(module: str, size: int) -> None:
    """Let processes start and import a module by the time that there is work for them.

    size : as `begin` takes it
    """
    for _ in range(cpu_count()):
        begin(partial(_import, module), size)


@contextmanager
def ended_on_failure() -> Iterator[None]:
    """What was begun ends at once where the block fails; it would go on to write."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            _processes().shutdown(kill_workers=True)
        raise


def _processes() -> ProcessPoolExecutor:
    return get_reusable_executor(
        cpu_count(), timeout=_IDLE_S, initializer=_prepare, initargs=(os.getpid(),)
    )


def _prepare(parent: int) -> None:
    """Make a process ready, which ends soon after its parent."""
    gc.disable()  # pages make few cycles, and each search walks all that is loaded
    _end_with(parent)


def _end_with(parent: int) -> None:
    """End this process soon after its parent, even one that was killed: who has a result to tell
    would wait for ever, since the processes themselves keep the pipe open."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCHED_S)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _many(size: int) -> bool:
    return size >= FEW and cpu_count() > 1


def _import(module: str) -> None:
    import_module(module)


def _work_on(work: Callable[[Item], Result], part: list[Item]) -> list[Result]:
    return [work(item) for item in part]


def _in_threads(work: Callable[[Item], Result], items: list[Item]) -> Iterator[Result]:
    with ThreadPoolExecutor(min(MOST_THREADS, cpu_count())) as threads:
        yield from threads.map(work, items)
