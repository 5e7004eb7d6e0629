"""What the first pass costs beside a plain forward, and beside pytorch-grad-cam.

python -m tests.benchmarks.bench_first_pass: one interleaved run, medians; status 1 if a target
is missed.
"""

import argparse
import statistics
import sys
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table

from tests.benchmarks.interleaved import ratio, time_interleaved, waiting
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

        ours = FirstPass(model, NETWORKS[network], ["gradcam++"], images[:2])
        labels = torch.zeros(batch, dtype=torch.int64)
        return lambda: ours(images, labels)
    if what == PEER:
        from pytorch_grad_cam import GradCAMPlusPlus
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

        peer = GradCAMPlusPlus(model, [model.get_submodule(NETWORKS[network])])
        targets = [ClassifierOutputTarget(0)] * batch
        return lambda: peer(input_tensor=images, targets=targets)
    return torch.no_grad()(lambda: model(images))


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
        contestants = {what: (what, network, arguments.batch) for what in (PLAIN, OURS, PEER)}
        with waiting(contestant, contestants, arguments.threads) as pipes:
            timed = time_interleaved(pipes, (), arguments.rounds)
        for name, timings in timed.items():
            low, middle, high = (
                1000 / arguments.batch * q for q in statistics.quantiles(timings.seconds, n=4)
            )
            table.add_row(
                network, name, f"{middle:.1f}", f"{low:.1f} to {high:.1f}",
                f"{ratio(timings, timed[PLAIN]):.2f}", f"{ratio(timings, timed[PEER]):.2f}",
                f"{statistics.median(timings.pages) / arguments.batch:,.0f}",
            )  # fmt: skip
        table.add_section()
        if ratio(timed[OURS], timed[PLAIN]) > TO_FORWARD:
            missed.append(f"{network}: more than {TO_FORWARD} of a plain forward")
        if ratio(timed[OURS], timed[PEER]) > TO_PEER:
            missed.append(f"{network}: more than a third of pytorch-grad-cam")
    console.print(table)
    console.print("\n".join(missed) or "Every target is met.")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
