"""What each stage of an audit costs as the dataset grows: seconds and memory, stage by stage.

python -m tests.benchmarks.bench_large [--rows N ...] [--classes 1000]: audits of made-up datasets
by a tiny network, each in a process of its own, without Prefect and Dask: the stage functions that
the flow calls, one after the other on one thread. Status 1 if a target is missed.

Memory is the peak of resident memory over the stage, which the kernel counts (VmHWM, reset by
/proc/self/clear_refs); "own" is that less what the stage found.
"""

import argparse
import ctypes
import gc
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import psutil
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from reports.build import build_report
from reports.shown.shown_images import MOST_IMAGES
from reports.shown.write_shown import write_shown
from tasks.clusters.stage import write_clusters
from tasks.config import AuditConfig
from tasks.explain.shard import explain_shard
from tasks.findings.stage import write_findings
from tasks.index.plan import plan_audit, write_plan
from tasks.merge.images import merge_images
from tasks.merge.localization import merge_localization
from tasks.merge.merged_tables import merge_class_stats
from tasks.mining.driven_units import write_driven_units
from tasks.mining.shared_units import write_shared_units
from tasks.mining.stage import mine_units
from tasks.second_pass.plan import plan_second_pass, write_second_pass_plan
from tasks.second_pass.shard import intervene_on_shard
from tasks.second_pass.verdicts import write_verdicts
from tests.benchmarks.bench_report import bytes_under
from tests.benchmarks.copied_shards import copy_shards
from tests.benchmarks.large_dataset import write_manifest, write_model
from tests.benchmarks.machine import machine_line
from tests.benchmarks.made_pictures import ROOT, register
from tests.tasks.tiny_audit import auditor_of

ROWS = (3_000, 10_000)
MOST_REPORT_SECONDS, MOST_REPORT_BYTES, MOST_PAGE_BYTES = 10.0, 200e6, 1e6
MOST_BYTES_PER_ROW, MOST_OF_REPORT, MOST_EXPONENT = 250, 1_000, 1.2  # from one size to the next
SURE_SECONDS = 2.0  # below, an exponent says nothing
STEADY_FROM = 100_000  # rows: with fewer, buffers and samples still fill
SHARD, BATCH = 1_000, 128
SAMPLED = ("clusters",)  # fitted on at most 20,000 images
OF_REPORT = ("set aside", "report")  # hold the table `images`
MANIFEST = "manifest.parquet"


@dataclass(frozen=True)
class Stage:
    """seconds : wall clock; busy : processor seconds
    before, peak : resident bytes when it began, what is free given back; at the highest
    """

    seconds: float
    busy: float
    before: int
    peak: int

    @property
    def own(self) -> int:
        """Bytes above what it found."""
        return self.peak - self.before


@dataclass(frozen=True)
class Audited:
    """stages : by name; report, first_page : bytes, the page with what it loads at once"""

    rows: int
    stages: dict[str, Stage]
    report: int
    first_page: int
    tables: int


@contextmanager
def watched(stages: dict[str, Stage], name: str) -> Iterator[None]:
    _give_back()
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    start, busy = time.perf_counter(), _busy()
    yield
    spent = time.perf_counter() - start, _busy() - busy
    stages[name] = stage = Stage(*spent, before, _status("VmHWM"))
    own = f"{stage.peak / 2**20:.0f} MiB, {stage.own / 2**20:.0f} its own"
    print(f"  {name}: {stage.seconds:.1f} s, {stage.busy:.1f} s busy, {own}", file=sys.stderr)


def _busy() -> float:
    """Processor seconds so far, of the processes that draw the report, too."""
    processes = (psutil.Process(), *psutil.Process().children(recursive=True))
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def _give_back() -> None:
    """What is free goes back to the system, or the next stage would count the last one's."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    ctypes.CDLL("libc.so.6").malloc_trim(0)


def _status(name: str) -> int:
    """Bytes."""
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0]) * 1024


def audit(folder: Path, rows: int, computed: int, budget: float) -> Audited:
    """One audit in this process, all of it."""
    register(folder / "code")
    config = AuditConfig.model_validate(
        {"images": str(folder / MANIFEST), "model": f"{folder / 'code' / 'model.py'}:build",
         "roots": [ROOT], "out": str(folder / "run"), "device": "cpu",
         "batch_size": BATCH, "shard_size": SHARD,
         "second_pass": budget}
    )  # fmt: skip
    stages: dict[str, Stage] = {}
    with watched(stages, "manifest and plan"):
        plan = plan_audit(config)
    with watched(stages, "shards written"):
        write_plan(plan)
    run, shards, auditor = plan.run, len(plan.shards), auditor_of(plan)
    with watched(stages, "first pass"):
        for shard in plan.shards[: -(-computed // SHARD)]:
            explain_shard(auditor, config.out, shard)
    copy_shards(plan, plan.shards[: -(-computed // SHARD)], plan.shards[-(-computed // SHARD) :])
    with watched(stages, "merge: units"):
        mine_units(run, shards)
    with watched(stages, "merge: statistics"):
        merge_class_stats(run, shards)
        merge_images(run, shards)
        merge_localization(run, shards)
        write_shared_units(run)
    with watched(stages, "second pass: plan"):
        second_pass = plan_second_pass(run, config.second_pass, None)
        write_second_pass_plan(run, second_pass)
    with watched(stages, "second pass"):
        for shard in second_pass.shards:
            intervene_on_shard(auditor, config.out, shard)
    with watched(stages, "verdicts"):
        write_verdicts(run, second_pass)
    with watched(stages, "clusters"):
        write_clusters(run)
        write_driven_units(run, shards)
    with watched(stages, "findings"):
        write_findings(run)
    with watched(stages, "set aside"):
        write_shown(run, plan.shards)
    with watched(stages, "report"):
        report = build_report(run.root)
    page = report.stat().st_size + sum(file.stat().st_size for file in _loaded(report))
    stored = bytes_under(run.root) - bytes_under(report.parent)
    return Audited(rows, stages, bytes_under(report.parent), page, stored)


def _loaded(page: Path) -> set[Path]:
    """What a page loads: styles, scripts and pictures, also those far down."""
    names = re.findall(r"""<(?:link|script|img)[^>]*?(?:href|src)="([^"#:]+)\"""", page.read_text())
    return {page.parent / name for name in names if (page.parent / name).is_file()}


def in_own_process(rows: int, options: argparse.Namespace) -> Audited:
    """What one size leaves behind in memory is no other's."""
    with tempfile.TemporaryDirectory() as scratch:
        at = options.folder / str(rows) if options.folder else Path(scratch)
        at.mkdir(parents=True, exist_ok=True)
        write_manifest(at / MANIFEST, rows, options.classes, min(rows, options.computed))
        write_model(at / "code", options.classes)
        command = [sys.executable, "-m", "tests.benchmarks.bench_large", "--one", str(at)]
        command += ["--rows", str(rows), "--computed", str(options.computed)]
        command += ["--second-pass", str(options.second_pass)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run(command, check=True, env=environment)
        told = json.loads((at / "measured.json").read_text())
    told["stages"] = {name: Stage(**stage) for name, stage in told["stages"].items()}
    return Audited(**told)


def exponent(small: Audited, large: Audited, stage: str) -> float:
    """p of processor seconds ~ rows ** p."""
    spent = large.stages[stage].busy / max(small.stages[stage].busy, 1e-9)
    return math.log(spent) / math.log(large.rows / small.rows)


def stage_table(audits: list[Audited]) -> Table:
    table = Table("stage", title="Stages")
    for each in audits:
        for column in ("s", "busy s per 1,000", "peak MiB", "own MiB"):
            table.add_column(f"{each.rows:,}: {column}", justify="right")
    for column in ("exponent", "bytes per row"):
        table.add_column(column, justify="right")
    for name in audits[0].stages:
        cells = []
        for each in audits:
            stage = each.stages[name]
            cells += [f"{stage.seconds:.1f}", f"{1000 * stage.busy / each.rows:.3f}"]
            cells += [f"{stage.peak / 2**20:.0f}", f"{stage.own / 2**20:.0f}"]
        few, many = audits[-2:] if len(audits) > 1 else (audits[0], audits[0])
        power, growth = "", ""
        if many.rows > few.rows:
            power = f"{exponent(few, many, name):.2f}"
            growth = f"{bytes_per_row(few, many, name):.0f}"
        table.add_row(name, *cells, power, growth)
    return table


def bytes_per_row(small: Audited, large: Audited, stage: str) -> float:
    more = large.stages[stage].own - small.stages[stage].own
    return more / (large.rows - small.rows)


def missed(audits: list[Audited]) -> Iterator[str]:
    """The targets that were not met, in words."""
    for each in audits:
        seconds = each.stages["report"].seconds
        if seconds > MOST_REPORT_SECONDS:
            yield f"{each.rows:,} rows: the report took {seconds:.0f} s"
        if each.report > MOST_REPORT_BYTES or each.first_page > MOST_PAGE_BYTES:
            yield f"{each.rows:,} rows: the report or its first page is too large"
    for few, many in pairwise(audits):
        for name, stage in many.stages.items():
            if name == "set aside" and few.rows <= MOST_IMAGES:
                continue  # nothing was
            if stage.busy > SURE_SECONDS and exponent(few, many, name) > MOST_EXPONENT:
                yield f"{name}: more than linear"
            steady = few.rows >= STEADY_FROM and name not in SAMPLED
            most = MOST_OF_REPORT if name in OF_REPORT else MOST_BYTES_PER_ROW
            if steady and bytes_per_row(few, many, name) > most:
                yield f"{name}: more than {most:,} bytes per row"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--computed", type=int, default=10**9, help="rows; the others are copies")
    parser.add_argument("--second-pass", type=float, default=0.4)
    parser.add_argument("--folder", type=Path, help="keep the runs here")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measured = audit(options.one, options.rows[0], options.computed, options.second_pass)
        (options.one / "measured.json").write_text(json.dumps(asdict(measured)))
        return 0
    console = Console(width=150)
    console.print(machine_line(1))
    audits = [in_own_process(n, options) for n in sorted(options.rows)]
    console.print(stage_table(audits))
    for each in audits:
        console.print(
            f"{each.rows:,} rows: report {each.report / 1e6:.1f} MB in "
            f"{each.stages['report'].busy:.0f} processor seconds, first page "
            f"{each.first_page / 1e6:.2f} MB with all it loads; tables {each.tables / 1e6:.0f} MB"
        )
    said = [*missed(audits)]
    for line in said:
        console.print(line)
    return int(bool(said))


if __name__ == "__main__":
    sys.exit(main())
