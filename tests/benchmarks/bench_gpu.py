"""What the first pass costs beside a compiled bfloat16 forward on a GPU, and what feeds it.

python -m tests.benchmarks.bench_gpu: interleaved runs, medians; status 1 if a target is missed,
2 without CUDA. --device cpu --batch 8 --rounds 1 tries it out and judges nothing.
"""

import argparse
import math
import statistics
import sys
import tempfile
import time
from pathlib import Path

import cv2
import torch
from rich.console import Console
from rich.table import Table

from tasks.images.preprocessing import Preprocessing
from tests.benchmarks.bench_throughput import PICTURE, draw
from tests.benchmarks.contestants import (
    CAPTUM,
    GRAD_CAM,
    MEAN,
    PASS,
    RESIZE,
    SIDE,
    STD,
    TORCH_CAM,
)
from tests.benchmarks.half_contestants import COMPILED_HALF, EAGER_HALF, OURS, on_device
from tests.benchmarks.interleaved import Timings, ratio, time_interleaved, waiting
from tests.benchmarks.machine import machine_line

# torch-cam and captum read no tokens.
PEERS = {"resnet50": (GRAD_CAM, TORCH_CAM, CAPTUM), "vit_b_16": (GRAD_CAM,)}
TARGET = 0.9  # of the throughput of the compiled forward
FILES = 64


def measure(network: str, given: argparse.Namespace) -> dict[str, Timings]:
    """Ours beside forwards; then each peer, whose graphs of a whole network take tens of GB,
    beside the compiled forward alone."""
    found: dict[str, Timings] = {}
    groups = [(EAGER_HALF, *OURS), *((peer,) for peer in PEERS[network])]
    for group in groups:
        whats = (COMPILED_HALF, *group)
        contestants = {w: (w, network, given.batch, given.device) for w in whats}
        try:
            with waiting(on_device, contestants, threads=1) as pipes:
                timed = time_interleaved(pipes, (), given.rounds, saves=False)
        except (EOFError, ConnectionError):  # the process says why
            print(f"{network}: {', '.join(group)}: failed", file=sys.stderr)
            continue
        found |= {w: t for w, t in timed.items() if w not in found}
        found |= {f"{w}'s forward": timed[COMPILED_HALF] for w in group}
    return found


def rows(table: Table, network: str, batch: int, found: dict[str, Timings]) -> None:
    """Add those of one network; shares are of the forward that ran in the same rounds."""
    for name, timings in found.items():
        if name.endswith("'s forward"):
            continue
        middle = statistics.median(timings.seconds)
        beside = found.get(f"{name}'s forward", timings)
        table.add_row(
            network, name, f"{batch / middle:,.0f}", f"{1000 * middle / batch:.3f}",
            f"{1 / ratio(timings, beside):.2f}",
        )  # fmt: skip
        network = ""
    table.add_section()


def decode_rate() -> float:
    """Images per second that one core decodes, resizes and crops."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    preprocessing = Preprocessing(RESIZE, SIDE, MEAN, STD)
    with tempfile.TemporaryDirectory(prefix="gpu-") as folder:
        draw(Path(folder) / "images", FILES)
        contents = [file.read_bytes() for file in Path(folder).rglob("*.jpg")]
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        for content in contents:
            preprocessing.view(content)
        seconds.append(time.perf_counter() - start)
    return FILES / statistics.median(seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--networks", nargs="+", choices=list(PEERS), default=list(PEERS))
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        print("bench_gpu needs CUDA and torch sees none; try it out with --device cpu --batch 8")
        return 2
    console = Console(width=120)
    gpu = f", {torch.cuda.get_device_name()}" if given.device == "cuda" else ""
    console.print(machine_line(1) + gpu)
    table = Table(
        "", "what", "images/s", "ms per image", "speed, of the compiled forward's",
        title=f"{given.device}, batch {given.batch}, {SIDE} px, {given.rounds} rounds",
    )  # fmt: skip
    missed, decoded = [], decode_rate()
    feeding = [f"One core reads {decoded:,.0f} JPEGs of {PICTURE} px a second."]
    for network in given.networks:
        found = measure(network, given)
        rows(table, network, given.batch, found)
        if PASS not in found:
            missed.append(f"{network}: nothing measured")
            continue
        speed = given.batch / statistics.median(found[PASS].seconds)
        feeding.append(f"{network} takes {speed:,.0f}: {math.ceil(speed / decoded)} cores feed it.")
        share = 1 / ratio(found[PASS], found[f"{PASS}'s forward"])
        if share < TARGET:
            missed.append(f"{network}: {share:.2f} of the compiled forward, less than {TARGET}")
    console.print(table)
    console.print(" ".join(feeding))
    if given.device == "cpu":
        console.print("Tried out on a CPU; the target is for a GPU.")
        return int(any("nothing" in each for each in missed))
    console.print("\n".join(missed) or "The target is met.")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
