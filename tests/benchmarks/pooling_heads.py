"""Global average against global max pooling: which class activation maps localise better.

python -m tests.benchmarks.pooling_heads: the sample's network with either head, trained on the same
scenes without any shortcut, a few seeds; CAM in both (arXiv:1512.04150, section 2 and table 2).
"""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.table import Table
from safetensors.torch import save_file

from tasks.config import AuditConfig
from tasks.sample import model as mean_pooled
from tasks.sample.training import MEAN, STD, train
from tasks.scenes import BACKGROUND_NAMES, OBJECT_NAMES, Scene, render_scene
from tests.benchmarks import max_pooled
from tests.benchmarks.machine import machine_line
from tests.tasks.tiny_audit import run_audit, table

SIDE = 96
HEADS = {"GAP": mean_pooled, "GMP": max_pooled}
SHOWN = ("gt_known", "max_box_acc", "max_box_acc_v2", "pxap", "top_1_error")
FIRST_HELD_OUT = 600_000  # seed of the first scene that no training sees; a multiple of the classes


def render(first: int, count: int) -> list[Scene]:
    """Every object on every background alike."""
    names, places = OBJECT_NAMES, BACKGROUND_NAMES
    return [
        render_scene(names[i % len(names)], places[i // len(names) % len(places)], i, i, SIDE)
        for i in range(first, first + count)
    ]


def write_scenes(folder: Path, scenes: list[Scene]) -> Path:
    """Pictures, masks and the manifest; returns the manifest."""
    rows = []
    for i, scene in enumerate(scenes):
        cv2.imwrite(str(folder / f"{i}.png"), scene.image[:, :, ::-1])
        cv2.imwrite(str(folder / f"{i}-mask.png"), scene.mask)
        rows.append(
            {"uri": f"{i}.png", "label": i % len(OBJECT_NAMES), "mask_uri": f"{i}-mask.png"}
        )
    pd.DataFrame(rows).to_csv(folder / "manifest.csv", index=False)
    return folder / "manifest.csv"


def measure(
    folder: Path, manifest: Path, scenes: list[Scene], head: str, seed: int
) -> pd.DataFrame:
    """Train one network, audit it on the held-out scenes; the figures over all images."""
    images = np.stack([scene.image for scene in scenes])
    labels = np.arange(len(scenes)) % len(OBJECT_NAMES)
    made = train(images, labels, 10, seed, lambda *_: None, HEADS[head].build)
    weights = folder / f"{head}-{seed}.safetensors"
    save_file({k: v.contiguous() for k, v in made.state_dict().items()}, weights)
    settings = {
        "images": str(manifest), "model": f"{HEADS[head].__file__}:build", "device": "cpu",
        "weights": str(weights), "out": str(folder / f"{head}-{seed}"), "method": "cam",
        "second_pass": 0, "resize": SIDE, "crop": SIDE, "mean": MEAN, "std": STD,
    }  # fmt: skip
    run = run_audit(AuditConfig.model_validate(settings))
    stats = table(run, "localization_stats").query("class_idx == -1").set_index("figure")
    figures = stats.loc[list(SHOWN), "value"]
    figures["accuracy"] = table(run, "predictions")["correct"].astype(float).mean()
    return figures.rename("value").to_frame().assign(centre=stats["centre"])


def main() -> None:
    """Read the command line, train, audit, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--training", type=int, default=1800, help="scenes")
    parser.add_argument("--held-out", type=int, default=480, help="scenes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    scenes = render(0, options.training)
    with tempfile.TemporaryDirectory(prefix="pooling-") as temporary:
        folder = Path(temporary)
        manifest = write_scenes(folder, render(FIRST_HELD_OUT, options.held_out))
        found = {
            (head, seed): measure(folder, manifest, scenes, head, seed)
            for seed in range(options.seeds)
            for head in HEADS
        }
    console = Console(width=100)
    console.print(machine_line(1))
    shown = Table("figure", *[f"{head} (range over seeds)" for head in HEADS], "centre")
    for figure in ("accuracy", *SHOWN):
        cells = [
            _spread([float(found[head, s].loc[figure, "value"]) for s in range(options.seeds)])
            for head in HEADS
        ]
        centre = float(found["GAP", 0].loc[figure, "centre"])
        shown.add_row(figure, *cells, "" if np.isnan(centre) else f"{centre:.1%}")
    console.print(shown)


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):.1%} ({min(values):.1%} to {max(values):.1%})"


if __name__ == "__main__":
    main()
