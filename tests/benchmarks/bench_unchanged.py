"""What a run costs over a dataset in which nothing has changed since the last one.

python -m tests.benchmarks.bench_unchanged: 100,000 images in 391 shards, the first computed by a
small network, the others made of it; merged, tested, judged and drawn as every audit is. Then
`camaudit run --previous` in a process of its own, and its stages once more one by one. Status 1 if
the target is missed.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from flows.taken_run import finish_unchanged
from reports.build import build_report
from tasks.explain.shard import explain_shard
from tasks.index.plan import Plan, plan_audit, write_plan
from tasks.tables.completion import mark_complete
from tests.benchmarks.copied_shards import copy_shards
from tests.benchmarks.machine import machine_line
from tests.tasks.tiny_audit import auditor_of, configure, draw, run_audit

MOST_SECONDS = 30
SHARD = 256
COMMAND = "camaudit run --previous"
Spent = dict[str, tuple[float, float]]  # wall clock and processor seconds by stage
OWN_FILES = 256  # pictures; all other images are hard links to them


def draw_dataset(folder: Path, images: int) -> Path:
    """A manifest of files that are links to a few pictures; every shard has the same labels."""
    drawn = [draw(folder / "drawn" / f"{i}.png", seed=i) for i in range(OWN_FILES)]
    (folder / "pics").mkdir()
    lines = ["uri,label"]
    for i in range(images):
        os.link(drawn[i % OWN_FILES], folder / "pics" / f"{i:06}.png")
        lines.append(f"pics/{i:06}.png,{i % OWN_FILES % 3}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder / "manifest.csv"


def make_shards(plan: Plan) -> None:
    """The first shard is computed; the others are what it holds, under their own ids."""
    write_plan(plan)
    first, *others = plan.shards
    explain_shard(auditor_of(plan, 2), plan.config.out, first)
    copy_shards(plan, [first], others)


def make_run(folder: Path, images: int) -> Plan:
    """The finished audit of last night, report and all."""
    manifest = draw_dataset(folder, images)
    config = configure(folder, manifest, out=str(folder / "last"), shard_size=SHARD)
    plan = plan_audit(config)
    make_shards(plan)
    run_audit(config)
    build_report(plan.run.root)
    mark_complete(plan.run, plan.shards, config.second_pass)
    return plan


def command(plan: Plan, out: Path) -> None:
    """`camaudit run --previous`, as a user calls it."""
    config = plan.config
    flags = {
        "images": config.images, "model": config.model, "out": out, "device": "cpu",
        "batch-size": config.batch_size, "shard-size": SHARD, "unit-top-k": config.unit_top_k,
        "top-k": config.top_k, "previous": plan.run.root,
    }  # fmt: skip
    words = [word for key, value in flags.items() for word in (f"--{key}", str(value))]
    subprocess.run([sys.executable, "-m", "flows.cli", "run", *words], check=True)


@contextmanager
def timed(spent: Spent, stage: str, who: int = resource.RUSAGE_SELF) -> Iterator[None]:
    """Wall clock and processor seconds of this process, or of its children, into `spent`."""
    start, before = time.perf_counter(), resource.getrusage(who)
    yield
    after = resource.getrusage(who)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    spent[stage] = time.perf_counter() - start, busy


def measure(plan: Plan, folder: Path) -> Spent:
    """The command, and its stages in this process."""
    spent: Spent = {}
    with timed(spent, COMMAND, resource.RUSAGE_CHILDREN):
        command(plan, folder / "tonight")
    changes = {"out": str(folder / "again"), "previous": str(plan.run.root)}
    with timed(spent, "of it: list, lay out, hash"):
        again = plan_audit(plan.config.model_copy(update=changes))
    with timed(spent, "of it: link"):
        write_plan(again)
    with timed(spent, "of it: draw what is new, mark as complete"):
        if not finish_unchanged(again):
            raise RuntimeError("the run counts as changed")
    return spent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    arguments = parser.parse_args()
    console = Console(width=110)
    console.print(machine_line(2))
    with tempfile.TemporaryDirectory() as scratch:
        plan = make_run(Path(scratch), arguments.images)
        spent = measure(plan, Path(scratch))
    table = Table("images", "shards", "stage", "seconds", "processor seconds")
    for stage, taken in spent.items():
        counts = f"{arguments.images:,}", str(len(plan.shards))
        table.add_row(*counts, stage, *(f"{seconds:.1f}" for seconds in taken))
    console.print(table)
    missed = spent[COMMAND][0] > MOST_SECONDS
    console.print(f"more than {MOST_SECONDS} s" if missed else "Every target is met.")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
