"""What an audit costs beside plain forwards, decoding and the peers, from memory and from files.

python -m tests.benchmarks.bench_throughput: interleaved runs, medians; status 1 if a target is
missed.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import cv2
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from flows.cluster import KEPT_MEMORY
from tasks.scenes import BACKGROUND_NAMES, OBJECT_NAMES, render_scene
from tests.benchmarks.contestants import (
    AUDIT,
    CAPTUM,
    DECODE,
    FIVE,
    FOLDED,
    FOLDED_KEPT,
    FORWARD,
    GRAD_CAM,
    GRAD_CAM_FIVE,
    PASS,
    SIDE,
    TORCH_CAM,
    from_files,
    from_memory,
)
from tests.benchmarks.interleaved import Timings, ratio, time_interleaved, waiting
from tests.benchmarks.machine import machine_line

# By what it costs at most: ours, the other, the share of it.
FROM_MEMORY = [
    (PASS, FORWARD, 0.75),
    (PASS, FOLDED, 1.08),
    (PASS, GRAD_CAM, 1 / 4),
    (FIVE, GRAD_CAM_FIVE, 1 / 12),
]
# As in a worker of an audit, which keeps its freed memory; the others as their users have them.
AS_WORKERS = dict.fromkeys((PASS, FIVE, AUDIT, FOLDED_KEPT), KEPT_MEMORY)
SLOWER = 0.9  # of the throughput of the slower of decoding and forward
STORAGE = 300  # bytes per image and class
PICTURE = 500  # pixels a side of the files


def timed(
    table: Table, title: str, images: int, named: dict[str, Timings], against: list[str]
) -> None:
    """Add the rows of one set of contestants."""
    for name, timings in named.items():
        low, middle, high = (1000 / images * q for q in statistics.quantiles(timings.seconds, n=4))
        shares = [f"{ratio(timings, named[other]):.2f}" for other in against]
        table.add_row(title, name, f"{middle:.1f}", f"{low:.1f} to {high:.1f}", *shares)
        title = ""
    table.add_section()


def measure_from_memory(network: str, given: argparse.Namespace, table: Table) -> list[str]:
    """Add the rows of a network; the targets that are missed."""
    whats = [FORWARD, FOLDED, FOLDED_KEPT, PASS, GRAD_CAM, TORCH_CAM, CAPTUM, FIVE, GRAD_CAM_FIVE]
    contestants = {what: (what, network, given.batch) for what in whats}
    with waiting(from_memory, contestants, given.threads, AS_WORKERS) as pipes:
        found = time_interleaved(pipes, (), given.rounds, saves=False)
    timed(table, f"{network}, from memory", given.batch, found, [FORWARD, GRAD_CAM])
    return [
        f"{network}: {ours} is {share:.2f} of {other}, more than {target:.2f}"
        for ours, other, target in FROM_MEMORY
        if (share := ratio(found[ours], found[other])) > target
    ]


def measure_from_files(network: str, given: argparse.Namespace, table: Table) -> list[str]:
    """Add the rows of a network; the targets that are missed."""
    with tempfile.TemporaryDirectory(prefix="throughput-") as folder:
        draw(Path(folder) / "images", given.images)
        whats = [DECODE, FORWARD, AUDIT, GRAD_CAM, TORCH_CAM, CAPTUM]
        contestants = {w: (w, network, given.batch, folder, given.threads) for w in whats}
        with waiting(from_files, contestants, given.threads, AS_WORKERS) as pipes:
            found = time_interleaved(pipes, (), given.rounds, saves=False)
        stored = bytes_per_map(Path(folder))
    timed(table, f"{network}, JPEG to disk", given.images, found, [FORWARD, GRAD_CAM])
    rounds = zip(*(found[w].seconds for w in (DECODE, FORWARD, AUDIT)), strict=True)
    share = statistics.median(max(decode, forward) / ours for decode, forward, ours in rounds)
    table.caption = (
        f"{network} from files: {share:.2f} of the slower of decoding and forward running alone; "
        f"{stored:.0f} bytes per stored map"
    )
    missed = []
    if share < SLOWER:
        missed.append(f"{network}, from files: {share:.2f} of the slower, less than {SLOWER}")
    if stored > STORAGE:
        missed.append(f"{stored:.0f} bytes per map, more than {STORAGE}")
    if (cost := ratio(found[AUDIT], found[GRAD_CAM])) > 1 / 4:
        missed.append(f"{network}, from files: {cost:.2f} of {GRAD_CAM}, more than a quarter")
    return missed


def draw(folder: Path, count: int) -> None:
    """JPEG files of rendered scenes."""
    folder.mkdir()
    for i in range(count):
        name = OBJECT_NAMES[i % len(OBJECT_NAMES)]
        background = BACKGROUND_NAMES[i % len(BACKGROUND_NAMES)]
        scene = render_scene(name, background, i, i, PICTURE)
        cv2.imwrite(str(folder / f"{i}.jpg"), scene.image[:, :, ::-1])


def bytes_per_map(folder: Path) -> float:
    """Of the stored heatmaps, with all numbers that stand beside each."""
    files = list((folder / f"run-{AUDIT.split(',')[0]}").rglob("heatmaps/*.parquet"))
    return sum(f.stat().st_size for f in files) / sum(pq.read_metadata(f).num_rows for f in files)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--images", type=int, default=64, help="files")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--networks", nargs="+", default=["resnet18", "resnet50"])
    given = parser.parse_args()
    console = Console(width=120)
    console.print(machine_line(given.threads))
    table = Table(
        "", "what", "ms per image", "quartiles", "of plain forward", "of pytorch-grad-cam",
        title=f"batch {given.batch}, {SIDE} px, {given.rounds} rounds, ratios within rounds",
    )  # fmt: skip
    missed = []
    for network in given.networks:
        missed += measure_from_memory(network, given, table)
    missed += measure_from_files(given.networks[0], given, table)
    console.print(table)
    console.print("\n".join(missed) or "Every target is met.")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
