"""What the first pass costs beside a plain forward, and beside pytorch-grad-cam.

python -m tests.benchmarks.bench_first_pass: one interleaved run, medians; status 1 if a target
is missed.
"""

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from pytorch_grad_cam import GradCAMPlusPlus
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from rich.console import Console
from rich.table import Table
from torchvision import models

from cam_kernels.first_pass import FirstPass
from tests.benchmarks.machine import machine_line

NETWORKS = {"resnet18": "layer4", "resnet50": "layer4", "mobilenet_v2": "features"}
TO_FORWARD, TO_PEER = 0.8, 1 / 3  # the most that our pass may cost of either

PEER = "pytorch-grad-cam"
Contestant = Callable[[], Any]


def contestants(name: str, batch: int) -> dict[str, Contestant]:
    """The three things to time, on the same images and the same weights.

    Ours gives maps of two classes, the contrast map and all unit maxima; the peer one map.
    """
    torch.manual_seed(0)
    model = models.get_model(name, weights=None).eval()
    images, labels = torch.randn(batch, 3, 224, 224), torch.zeros(batch, dtype=torch.int64)
    ours = FirstPass(model, NETWORKS[name], "gradcam++", images[:2])
    peer_model = models.get_model(name, weights=None).eval()
    peer_model.load_state_dict(model.state_dict())
    peer = GradCAMPlusPlus(peer_model, [peer_model.get_submodule(NETWORKS[name])])
    targets = [ClassifierOutputTarget(0)] * batch

    def forward() -> torch.Tensor:
        with torch.no_grad():
            result: torch.Tensor = model(images)
        return result

    return {
        "plain forward": forward,
        "first pass": lambda: ours(images, labels),
        PEER: lambda: peer(input_tensor=images, targets=targets),
    }


def time_interleaved(what: dict[str, Contestant], rounds: int) -> dict[str, list[float]]:
    """Seconds of each, one of each per round, in shuffled order; the first round warms up."""
    order, seconds = list(what), {name: [] for name in what}
    shuffle = random.Random(0).shuffle
    for i in range(rounds + 1):
        shuffle(order)
        for name in order:
            start = time.perf_counter()
            what[name]()
            if i:
                seconds[name].append(time.perf_counter() - start)
    return seconds


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
    parser.add_argument(
        "--without-peer",
        action="store_true",
        help="leave pytorch-grad-cam out, which keeps memory warm for the plain forward",
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    console = Console(width=110)
    console.print(machine_line(arguments.threads))
    table = Table(
        "network", "what", "ms per image", "quartiles", "of plain forward", "of pytorch-grad-cam",
        title=f"batch {arguments.batch}, 224 px, {arguments.rounds} rounds, ratios within rounds",
    )  # fmt: skip
    missed = []
    for network in NETWORKS:
        timed = contestants(network, arguments.batch)
        if arguments.without_peer:
            del timed[PEER]
        seconds = time_interleaved(timed, arguments.rounds)
        to_forward = ratios(seconds, "plain forward")
        to_peer = ratios(seconds, PEER) if PEER in seconds else {}
        for name, values in seconds.items():
            low, middle, high = (
                1000 / arguments.batch * q for q in statistics.quantiles(values, n=4)
            )
            table.add_row(
                network, name, f"{middle:.1f}", f"{low:.1f} to {high:.1f}",
                f"{to_forward[name]:.2f}", f"{to_peer[name]:.2f}" if to_peer else "",
            )  # fmt: skip
        table.add_section()
        if to_forward["first pass"] > TO_FORWARD:
            missed.append(f"{network}: more than {TO_FORWARD} of a plain forward")
        if to_peer and to_peer["first pass"] > TO_PEER:
            missed.append(f"{network}: more than a third of pytorch-grad-cam")
    console.print(table)
    console.print("\n".join(missed) or "Every target is met.")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
