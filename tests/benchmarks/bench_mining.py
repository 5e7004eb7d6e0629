"""What mining the units costs: time on top of the first pass, and memory for many classes.

python -m tests.benchmarks.bench_mining: one interleaved run, medians, in process, without Prefect
and Dask; then the merge of 100,000 made-up images x 2,048 units x 1,000 classes x 9 places in a
process of its own. Status 1 if a target is missed.
"""

import argparse
import multiprocessing
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import torch
from rich.console import Console
from rich.table import Table

from cam_kernels.first_pass import FirstPassBatch
from cam_kernels.unit_peaks import unit_contributions, unit_peaks
from tasks.explain.auditor import Auditor
from tasks.explain.peak_rows import peak_columns
from tasks.explain.shard import explain_shard
from tasks.explain.shard_files import grid_schemas
from tasks.images.inputs import InputImage, InputReader, read_batches
from tasks.index.plan import Plan, plan_audit, write_plan
from tasks.mining.stage import MOST_BYTES, mine_units
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_json, write_table
from tests.benchmarks.bench_second_pass import SIDE, configure, draw_scenes
from tests.benchmarks.interleaved import Timings, time_interleaved, waiting
from tests.benchmarks.machine import machine_line
from tests.tasks.made_peaks import MadePeaks, facts, write_shard
from tests.tasks.tiny_audit import auditor_of

NETWORKS = ("resnet18", "resnet50", "mobilenet_v2")
MOST_TIME = 0.1  # of the first pass without the peaks
MOST_MEMORY = 2 * MOST_BYTES  # the running lists, and all that is needed beside them

FIRST, PEAKS, MERGE = "first pass", "of it, peaks", "merge"
UNITS, CLASSES, TOP_K, SHARD = 2048, 1000, 9, 256

Answers: TypeAlias = "multiprocessing.Queue[tuple[float, ...]]"


def peak_rows(auditor: Auditor, plan: Plan) -> Callable[[], None]:
    """All that the first pass does for the mining, on what it knows of one batch, as often as
    there are batches: peaks, contributions, fingerprints, and the file of each shard."""
    rows = plan.manifest.slice(0, auditor.batch_size).to_pylist()
    reader = InputReader(auditor.preprocessing, auditor.settings.num_classes)
    (results,) = read_batches(reader, rows, auditor.batch_size, auditor.settings.threads)
    images = [result.image for result in results if result.image is not None]
    batch = auditor.start(images)()
    model = plan.facts["model"]
    schema = grid_schemas(model)["peaks"]
    grid = torch.randn(len(images), model["channels"], model["rows"], model["cols"]).relu()
    gradients = torch.randn_like(grid[:, :, :1, :1] if model["closed_form"] else grid)

    def of_shards() -> None:
        for shard in plan.shards:
            count = -(-(shard.stop - shard.start) // len(images))
            tables = [_of_batch(images, batch, grid, gradients, schema) for _ in range(count)]
            write_table(plan.run.partial_file("peaks again", shard.index), pa.concat_tables(tables))

    return of_shards


def _of_batch(
    images: list[InputImage],
    batch: FirstPassBatch,
    grid: torch.Tensor,
    gradients: torch.Tensor,
    schema: pa.Schema,
) -> pa.Table:
    unit_peaks(grid)
    unit_contributions(grid, gradients)
    return pa.table(peak_columns(images, batch, schema), schema=schema)


def contestant(what: str, network: str, manifest: Path, threads: int) -> Callable[[], object]:
    """One part of the audit, to be done over and over, in a copy of the finished run."""
    own = manifest.parent / f"{network} {what}"
    shutil.copytree(manifest.parent / network, own)
    torch.set_num_threads(threads)
    plan = plan_audit(configure(network, own, manifest))
    if what == MERGE:
        return lambda: mine_units(plan.run, len(plan.shards))
    auditor = auditor_of(plan, threads)
    if what == PEAKS:
        return peak_rows(auditor, plan)
    return lambda: [explain_shard(auditor, plan.config.out, shard) for shard in plan.shards]


def measure(network: str, images: int, threads: int, rounds: int) -> dict[str, Timings]:
    """Every part, interleaved, on scenes that are rendered anew."""
    with tempfile.TemporaryDirectory() as scratch:
        manifest = draw_scenes(Path(scratch), images)
        plan = plan_audit(configure(network, manifest.parent / network, manifest))
        write_plan(plan)
        auditor = auditor_of(plan, threads)
        for shard in plan.shards:
            explain_shard(auditor, plan.config.out, shard)
        made_of = {part: (part, network, manifest, threads) for part in (FIRST, PEAKS, MERGE)}
        with waiting(contestant, made_of, threads) as pipes:
            return time_interleaved(pipes, (), rounds)


def time_on_top(table: Table, network: str, timed: dict[str, Timings], images: int) -> float:
    """A line per part; returns what the mining takes of the first pass without it."""
    rounds = zip(*(timed[part].seconds for part in (FIRST, PEAKS, MERGE)), strict=True)
    on_top = statistics.median((p + m) / (f - p) for f, p, m in rounds)
    for part, timings in timed.items():
        low, middle, high = (1000 / images * q for q in statistics.quantiles(timings.seconds, n=4))
        table.add_row(network, part, f"{middle:.2f}", f"{low:.2f} to {high:.2f}", "")
    table.add_row(network, "mining on top", "", "", f"{on_top:.3f}")
    table.add_section()
    return on_top


def made_shards(images: int) -> Iterator[MadePeaks]:
    """Rectified peaks of images whose classes are mixed, `SHARD` at a time."""
    rng = np.random.default_rng(0)
    for start in range(0, images, SHARD):
        count = min(SHARD, images - start)
        peaks = np.maximum(rng.standard_normal((count, UNITS), dtype=np.float32), 0)
        yield MadePeaks(
            image_id=np.arange(start, start + count, dtype=np.int32),
            label=rng.integers(0, CLASSES, count, dtype=np.int32),
            perceptual_hash=rng.integers(1, 2**63, count, dtype=np.uint64),
            mean_colour=rng.integers(0, 256, (count, 3)).astype(np.uint8),
            activation=peaks,
            cell=rng.integers(0, 49, (count, UNITS)).astype(np.uint16),
            contribution=peaks.astype(np.float16),
            contribution_scale=np.ones(count, dtype=np.float32),
            size=rng.integers(200, 600, (count, 2)).astype(np.int32),
            pooled=(peaks / 2).astype(np.float16),
        )


def write_made(root: str, images: int) -> None:
    """The run folder of `made_shards`."""
    run = RunFolder(root)
    layer = {"name": "layer4", "channels": UNITS, "rows": 7, "cols": 7}
    write_json(run.audit_file, facts(TOP_K, [layer]))
    for shard, peaks in enumerate(made_shards(images)):
        write_shard(run, shard, peaks, np.arange(len(peaks.image_id)))


def merge_alone(
    root: str, images: int, answers: "multiprocessing.Queue[tuple[float, ...]]"
) -> None:
    """Bytes of memory before and at most, and seconds, of the merge in this process."""
    before = most_memory()
    start = time.perf_counter()
    mine_units(RunFolder(root), -(-images // SHARD))
    answers.put((before, most_memory(), time.perf_counter() - start))


def most_memory() -> int:
    """Bytes that this process had at most so far. (`getrusage` counts those of its parent, too.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    (high_water,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return 1024 * int(high_water)


def memory_of_merge(images: int) -> tuple[float, float, float, float, int]:
    """What `merge_alone` tells, bytes of the shards' peaks and rows of `units`."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as scratch:
        write_made(scratch, images)
        answers: Answers = context.Queue()
        process = context.Process(target=merge_alone, args=(scratch, images, answers))
        process.start()
        before, peak, seconds = answers.get()
        process.join()
        run = RunFolder(scratch)
        stored = sum(f.stat().st_size for f in (run.root / "partials" / "peaks").iterdir())
        return before, peak, seconds, stored, run.dataset("units").count_rows()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--made-images", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    console = Console(width=110)
    console.print(machine_line(arguments.threads))
    table = Table(
        "network", "part", "ms per image", "quartiles", "of the first pass without it",
        title=f"{arguments.images} images, {SIDE} px, {arguments.rounds} rounds, ratios within "
        "rounds",
    )  # fmt: skip
    missed = []
    for network in NETWORKS:
        timed = measure(network, arguments.images, arguments.threads, arguments.rounds)
        on_top = time_on_top(table, network, timed, arguments.images)
        if on_top > MOST_TIME:
            missed.append(f"{network}: {on_top:.2f}, more than {MOST_TIME} of the first pass")
    console.print(table)
    before, peak, seconds, stored, rows = memory_of_merge(arguments.made_images)
    console.print(
        f"{arguments.made_images:,} images x {UNITS:,} units x {CLASSES:,} classes x {TOP_K}: "
        f"{stored / arguments.made_images / 1024:.1f} KiB stored per image; merged in "
        f"{seconds:.0f} s to {rows:,} rows with at most {peak / 2**20:,.0f} MiB of memory, "
        f"{before / 2**20:,.0f} MiB of them for Python and its libraries"
    )
    if peak - before > MOST_MEMORY:
        missed.append(f"more than {MOST_MEMORY / 2**20:.0f} MiB of memory")
    console.print("\n".join(missed) or "Every target is met.")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
