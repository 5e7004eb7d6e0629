"""Timing contestants against each other on a machine whose speed changes.

Each contestant lives in a process of its own, as it would at its user's, and all but one wait:
in one process the memory that one of them leaves behind speeds up the next.
"""

import multiprocessing
import os
import random
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any
from unittest import mock

import torch
from torch import Tensor

Act = Callable[..., object]


@dataclass(frozen=True)
class Timings:
    """Of one contestant, round by round.

    seconds : per round
    pages : memory pages touched for the first time, per round
    saved : bytes that autograd kept for the backward, largest at any time of one call
    """

    seconds: list[float]
    pages: list[int]
    saved: int


def saved_for_backward(act: Callable[[], object]) -> int:
    """Bytes of the tensors that autograd keeps while `act` runs, parameters included, each once;
    of several graphs that are freed in turn, the largest is not told from their sum."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        act()
    return sum(kept.values())


def _serve(
    pipe: Connection, make: Callable[..., Act], made_of: Sequence[Any], threads: int
) -> None:
    torch.set_num_threads(threads)
    act = make(*made_of)
    while (message := pipe.recv()) is not None:
        measure_memory, arguments = message
        if measure_memory:
            pipe.send(saved_for_backward(lambda given=arguments: act(*given)))
            continue
        pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        start = time.perf_counter()
        act(*arguments)
        seconds = time.perf_counter() - start
        pipe.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - pages))


@contextmanager
def waiting(
    make: Callable[..., Act],
    contestants: dict[str, Sequence[Any]],
    threads: int,
    environments: Mapping[str, dict[str, str]] | None = None,
) -> Iterator[dict[str, Connection]]:
    """One waiting process per contestant, which does `make(*its arguments)(*message)`.

    environments : by contestant, variables that its process is started with beside our own
    """
    context = multiprocessing.get_context("spawn")
    pipes, started = {}, []
    for name, made_of in contestants.items():
        pipes[name], end = context.Pipe()
        started.append(context.Process(target=_serve, args=(end, make, made_of, threads)))
        with mock.patch.dict(os.environ, (environments or {}).get(name, {})):
            started[-1].start()
        end.close()  # so that the pipe breaks, and we do not wait, when the process dies
    try:
        yield pipes
    finally:
        for pipe in pipes.values():
            with suppress(BrokenPipeError):  # one that has failed says so itself
                pipe.send(None)
        for process in started:
            process.join()


def time_interleaved(
    pipes: dict[str, Connection], arguments: Sequence[Any], rounds: int, *, saves: bool = True
) -> dict[str, Timings]:
    """One call of each per round, in shuffled order; a first round warms up.

    saves : whether that round also measures what autograd saves, during which a peer's graphs of
        several classes stay beside each other: 8 GB for resnet50. Without, it is 0
    """
    order = list(pipes)
    first = {name: _ask(pipes[name], (saves, arguments)) for name in order}
    saved = {name: first[name] if saves else 0 for name in order}
    answers: dict[str, list[tuple[float, int]]] = {name: [] for name in order}
    shuffle = random.Random(0).shuffle
    for _ in range(rounds):
        shuffle(order)
        for name in order:
            answers[name].append(_ask(pipes[name], (False, arguments)))
    return {
        name: Timings([s for s, _ in answers[name]], [p for _, p in answers[name]], saved[name])
        for name in pipes
    }


def _ask(pipe: Connection, message: tuple[bool, Sequence[Any]]) -> Any:
    pipe.send(message)
    return pipe.recv()


def ratio(one: Timings, other: Timings) -> float:
    """Median over rounds of one's time over the other's in the same round.

    Within a round the machine is the same; over a run its speed may change fivefold.
    """
    return statistics.median(a / b for a, b in zip(one.seconds, other.seconds, strict=True))
