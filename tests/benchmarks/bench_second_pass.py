"""What both passes of an audit cost beside the first pass alone, at the default budget.

python -m tests.benchmarks.bench_second_pass: one interleaved run, medians; status 1 if the target
is missed. In process, without Prefect, Dask and the report.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import pandas as pd
import torch
from rich.console import Console
from rich.table import Table
from torchvision import models

from tasks.clusters.stage import write_clusters
from tasks.config import AuditConfig
from tasks.explain.shard import explain_shard
from tasks.findings.stage import write_findings
from tasks.index.plan import Plan, plan_audit, write_plan
from tasks.merge.merged_tables import merge_class_stats
from tasks.mining.stage import mine_units
from tasks.scenes import BACKGROUND_NAMES, OBJECT_NAMES, render_scene
from tasks.second_pass.plan import plan_second_pass, write_second_pass_plan
from tasks.second_pass.shard import intervene_on_shard
from tasks.second_pass.verdicts import write_verdicts
from tests.benchmarks.interleaved import Timings, time_interleaved, waiting
from tests.benchmarks.machine import machine_line
from tests.tasks.tiny_audit import auditor_of

NETWORKS = ("resnet18", "mobilenet_v2")
SIDE = 224
MOST = 1.6  # of the first pass alone

FIRST = ("first pass", "merged tables")
SECOND = ("planning", "interventions", "verdicts", "clusters", "findings")


def draw_scenes(folder: Path, images: int) -> Path:
    """JPEG files with their masks, a class per object; returns the manifest."""
    rows = []
    for i in range(images):
        kind, place = OBJECT_NAMES[i % len(OBJECT_NAMES)], BACKGROUND_NAMES[i % 5]
        scene = render_scene(kind, place, i, i, SIDE)
        image, mask = folder / f"{i}.jpg", folder / f"{i}.png"
        cv2.imwrite(str(image), scene.image[:, :, ::-1])
        cv2.imwrite(str(mask), 255 * (scene.mask > 0).astype("uint8"))
        rows.append({"uri": image.name, "label": i % len(OBJECT_NAMES), "mask_uri": mask.name})
    file = folder / "manifest.csv"
    pd.DataFrame(rows).to_csv(file, index=False)
    return file


def configure(network: str, folder: Path, manifest: Path) -> AuditConfig:
    """The audit of a network with random weights, its run in `folder`."""
    weights = folder.parent / f"{network}.pth"
    if not weights.exists():
        torch.manual_seed(0)
        torch.save(models.get_model(network, weights=None).state_dict(), weights)
    settings = {"images": str(manifest), "model": f"torchvision:{network}", "device": "cpu"}
    settings |= {"weights": str(weights), "out": str(folder), "crop": SIDE, "resize": SIDE}
    normal = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    return AuditConfig.model_validate({**settings, **normal})


def stage(what: str, plan: Plan, threads: int) -> Callable[[], object]:
    """One part of the audit. All that come before it must have been done in the plan's run."""
    if what == "first pass":
        auditor = auditor_of(plan, threads)
        return lambda: [explain_shard(auditor, plan.config.out, shard) for shard in plan.shards]
    if what == "merged tables":
        merges = (mine_units, merge_class_stats)
        return lambda: [merge(plan.run, len(plan.shards)) for merge in merges]
    second_pass = plan_second_pass(plan.run, plan.config.second_pass)
    if what == "planning":
        return lambda: write_second_pass_plan(
            plan.run, plan_second_pass(plan.run, plan.config.second_pass)
        )
    if what == "interventions":
        changer = auditor_of(plan, threads)
        return lambda: [intervene_on_shard(changer, plan.config.out, s) for s in second_pass.shards]
    if what == "verdicts":
        return lambda: write_verdicts(plan.run, second_pass)
    return lambda: {"clusters": write_clusters, "findings": write_findings}[what](plan.run)


def contestant(what: str, network: str, manifest: Path, threads: int) -> Callable[[], object]:
    """One part of the audit, to be done over and over, in a copy of the finished run."""
    finished = manifest.parent / network
    own = finished.with_name(f"{network} {what}")
    shutil.copytree(finished, own)
    torch.set_num_threads(threads)
    return stage(what, plan_audit(configure(network, own, manifest)), threads)


def finish(network: str, manifest: Path, threads: int) -> None:
    """Every part once, in turn."""
    plan = plan_audit(configure(network, manifest.parent / network, manifest))
    write_plan(plan)
    for what in (*FIRST, *SECOND):
        stage(what, plan, threads)()


def measure(network: str, images: int, threads: int, rounds: int) -> dict[str, Timings]:
    """Every part, interleaved, on scenes that are rendered anew."""
    with tempfile.TemporaryDirectory() as scratch:
        manifest = draw_scenes(Path(scratch), images)
        finish(network, manifest, threads)
        made_of = {part: (part, network, manifest, threads) for part in (*FIRST, *SECOND)}
        with waiting(contestant, made_of, threads) as pipes:
            return time_interleaved(pipes, (), rounds)


def total(timed: dict[str, Timings], parts: tuple[str, ...]) -> list[float]:
    """Seconds of several parts together, round by round."""
    return [sum(of_round) for of_round in zip(*(timed[p].seconds for p in parts), strict=True)]


def report(table: Table, network: str, timed: dict[str, Timings], images: int) -> float:
    """A line per part, and one for both passes together; returns their ratio to the first alone."""
    first = total(timed, FIRST)
    lines = {part: timings.seconds for part, timings in timed.items()}
    lines["both passes"] = total(timed, (*FIRST, *SECOND))
    ratio = float("nan")
    for part, seconds in lines.items():
        low, middle, high = (1000 / images * q for q in statistics.quantiles(seconds, n=4))
        ratio = statistics.median(s / f for s, f in zip(seconds, first, strict=True))
        quartiles = f"{low:.2f} to {high:.2f}"
        table.add_row(network, part, f"{middle:.2f}", quartiles, f"{ratio:.3f}")
    table.add_section()
    return ratio


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    console = Console(width=110)
    console.print(machine_line(arguments.threads))
    table = Table(
        "network", "part", "ms per image", "quartiles", "of the first pass",
        title=f"{arguments.images} images with masks, {SIDE} px, {arguments.rounds} rounds, "
        "ratios within rounds",
    )  # fmt: skip
    missed = []
    for network in NETWORKS:
        timed = measure(network, arguments.images, arguments.threads, arguments.rounds)
        ratio = report(table, network, timed, arguments.images)
        if ratio > MOST:
            missed.append(f"{network}: {ratio:.2f}, more than {MOST} of the first pass")
    console.print(table)
    console.print("\n".join(missed) or "The target is met.")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
