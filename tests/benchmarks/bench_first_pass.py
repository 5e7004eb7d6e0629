"""What the first pass costs beside a plain forward, and beside pytorch-grad-cam.

python -m tests.benchmarks.bench_first_pass: one interleaved run, medians; status 1 if a target
is missed. Each contestant lives in a process of its own, as it would at its user's, and all but
one wait: in one process the memory that one of them leaves behind speeds up the next.
"""

import argparse
import multiprocessing
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import torch
from rich.console import Console
from rich.table import Table

from tests.benchmarks.machine import machine_line

NETWORKS = {"resnet18": "layer4", "resnet50": "layer4", "mobilenet_v2": "features"}
TO_FORWARD, TO_PEER = 0.8, 1 / 3  # the most that our pass may cost of either

PLAIN, OURS, PEER = "plain forward", "first pass", "pytorch-grad-cam"


def contestant(what: str, network: str, batch: int) -> Callable[[], object]:
    """One thing to time; the images and the weights of all are the same.

    Ours gives maps of two classes, the contrast map and all unit maxima; the peer one map.
    """
    from torchvision import models

    torch.manual_seed(0)
    model = models.get_model(network, weights=None).eval()
    images = torch.randn(batch, 3, 224, 224)
    if what == OURS:
        from cam_kernels.first_pass import FirstPass

        ours = FirstPass(model, NETWORKS[network], "gradcam++", images[:2])
        labels = torch.zeros(batch, dtype=torch.int64)
        return lambda: ours(images, labels)
    if what == PEER:
        from pytorch_grad_cam import GradCAMPlusPlus
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

        peer = GradCAMPlusPlus(model, [model.get_submodule(NETWORKS[network])])
        targets = [ClassifierOutputTarget(0)] * batch
        return lambda: peer(input_tensor=images, targets=targets)
    return torch.no_grad()(lambda: model(images))


def serve(pipe: Connection, what: str, network: str, batch: int, threads: int) -> None:
    """Runs in a process of its own: does the thing once for each message, and answers with
    seconds and memory pages touched for the first time."""
    torch.set_num_threads(threads)
    act = contestant(what, network, batch)
    while pipe.recv():
        pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        start = time.perf_counter()
        act()
        seconds = time.perf_counter() - start
        pipe.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - pages))


@contextmanager
def processes(network: str, batch: int, threads: int) -> Iterator[dict[str, Connection]]:
    """The pipes of one waiting process per contestant."""
    context = multiprocessing.get_context("spawn")
    pipes, started = {}, []
    for what in (PLAIN, OURS, PEER):
        pipes[what], end = context.Pipe()
        started.append(context.Process(target=serve, args=(end, what, network, batch, threads)))
        started[-1].start()
    try:
        yield pipes
    finally:
        for pipe in pipes.values():
            pipe.send(False)
        for process in started:
            process.join()


def time_interleaved(
    pipes: dict[str, Connection], rounds: int
) -> dict[str, list[tuple[float, int]]]:
    """(seconds, pages) of each, one of each per round, in shuffled order; the first warms up."""
    order = list(pipes)
    measured: dict[str, list[tuple[float, int]]] = {name: [] for name in pipes}
    shuffle = random.Random(0).shuffle
    for i in range(rounds + 1):
        shuffle(order)
        for name in order:
            pipes[name].send(True)
            answer = pipes[name].recv()
            if i:
                measured[name].append(answer)
    return measured


def ratios(seconds: dict[str, list[float]], peer: str) -> dict[str, float]:
    """Median over rounds of each one's time over the peer's in the same round.

    Within a round the machine is the same; over a run its speed may change fivefold.
    """
    return {
        name: statistics.median(a / b for a, b in zip(values, seconds[peer], strict=True))
        for name, values in seconds.items()
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    console = Console(width=110)
    console.print(machine_line(arguments.threads))
    table = Table(
        "network", "what", "ms per image", "quartiles", "of plain", "of peer", "new pages",
        title=f"batch {arguments.batch}, 224 px, {arguments.rounds} rounds, ratios within rounds, "
        "new pages of memory per image",
    )  # fmt: skip
    missed = []
    for network in NETWORKS:
        with processes(network, arguments.batch, arguments.threads) as pipes:
            measured = time_interleaved(pipes, arguments.rounds)
        seconds = {name: [answer[0] for answer in answers] for name, answers in measured.items()}
        to_forward, to_peer = ratios(seconds, PLAIN), ratios(seconds, PEER)
        for name, values in seconds.items():
            low, middle, high = (
                1000 / arguments.batch * q for q in statistics.quantiles(values, n=4)
            )
            pages = statistics.median(answer[1] for answer in measured[name]) / arguments.batch
            table.add_row(
                network, name, f"{middle:.1f}", f"{low:.1f} to {high:.1f}",
                f"{to_forward[name]:.2f}", f"{to_peer[name]:.2f}", f"{pages:,.0f}",
            )  # fmt: skip
        table.add_section()
        if to_forward[OURS] > TO_FORWARD:
            missed.append(f"{network}: more than {TO_FORWARD} of a plain forward")
        if to_peer[OURS] > TO_PEER:
            missed.append(f"{network}: more than a third of pytorch-grad-cam")
    console.print(table)
    console.print("\n".join(missed) or "Every target is met.")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
