"""What `camaudit train` reaches, and how long it takes.

python -m tests.benchmarks.bench_training: a head on the features of a real ImageNet base over five
divisions of the photographs of ../shared/data (left out where they are not), then fine-tuning and
training from scratch on the embedded sample. Status 1 if a target is missed. Time is held to its
target as that of the processors, shared out to the threads: others may use the machine, too.
"""

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.table import Table

from tasks.statistics.intervals import wilson_interval
from tasks.training.config import TrainConfig
from tasks.training.plan import plan_training
from tasks.training.stage import train
from tests.benchmarks.machine import machine_line
from tests.tasks.training_sets import Silent

ROOT = Path(__file__).resolve().parents[2]
SAMPLE, SHARED = ROOT / "data", ROOT.parent / "shared" / "data"
SECONDS, ACCURACY = 180, 0.9  # of processors per thread, whole command; over all divisions
CHANCE = 1 / 6  # of the sample
FOLDS = 5


@dataclass(frozen=True)
class Trained:
    """One training: what it was, and what it came to.

    seconds : on the clock
    busy : seconds of processors, over the number of threads
    """

    words: str
    seconds: float
    busy: float
    facts: dict[str, Any]

    @property
    def right(self) -> int:
        return sum(row["correct"] for row in self.facts["results"]["by_class"])

    @property
    def images(self) -> int:
        return int(self.facts["results"]["images"]["validation"])


def run(words: str, **config: object) -> Trained:
    """A training as the command does it, listing and loading included."""
    start, busy = time.monotonic(), time.process_time()
    plan = plan_training(TrainConfig.model_validate({**config, "device": "cpu"}), "cpu")
    facts = train(plan, Silent())
    used = (time.process_time() - busy) / torch.get_num_threads()
    done = Trained(words, time.monotonic() - start, used, facts)
    accuracy = facts["results"]["accuracy"]
    print(f"{words}: {100 * accuracy:.1f} %, {done.seconds:.0f} s", file=sys.stderr)
    return done


def photographs(folder: Path, fold: int) -> Path:
    """A manifest of all photographs, of which every fifth of each class measures."""
    photos = SHARED / "imagenette_val"
    labels = pd.read_csv(photos / "labels.csv")
    order = labels.groupby("wnid").cumcount().to_numpy()
    # labels.csv is sorted by nothing that tells the images of a class apart.
    manifest = pd.DataFrame(
        {
            "uri": [str(photos / path) for path in labels["path"]],
            "label": labels["torchvision_category"],
            "split": np.where(order % FOLDS == fold, "val", "train"),
        }
    )
    manifest.to_csv(folder / f"fold{fold}.csv", index=False)
    return folder / f"fold{fold}.csv"


def head_on_features(folder: Path) -> list[Trained]:
    """Cross-validated: every photograph measures once."""
    return [
        run(
            f"features of mobilenet_v2, division {fold + 1}",
            images=str(photographs(folder, fold)),
            roots=(str(SHARED),),
            model="torchvision:mobilenet_v2",
            weights=str(SHARED / "weights" / "mobilenet_v2.pth"),
            way="features",
            resize=256,
            crop=225,
            interpolation="bicubic",
            out=str(folder / f"features{fold}"),
        )
        for fold in range(FOLDS)
    ]


def on_the_sample(folder: Path, epochs: int) -> list[Trained]:
    """The sample's own model fine-tuned, and `small` from scratch."""
    images = {
        "images": str(SAMPLE / "manifest.csv"), "classes": str(SAMPLE / "classes.csv"),
        "resize": 96, "crop": 96,
    }  # fmt: skip
    own = {"model": f"{ROOT}/tasks/sample/model.py:build", "way": "finetune",
           "weights": str(SAMPLE / "model.safetensors"), "mean": (0.5, 0.5, 0.43),
           "std": (0.23, 0.19, 0.28), "unfreeze": 1}  # fmt: skip
    return [
        run("sample's model, fine-tuned", **images, **own, out=str(folder / "finetune")),
        run("small, from scratch", **images, epochs=epochs, out=str(folder / "scratch")),
    ]


def show(trained: list[Trained]) -> Table:
    """A row for each training."""
    table = Table("training", "images", "measured", "accuracy", "95 %", "loss, first to kept",
                  "epochs", "seconds", "of processors")  # fmt: skip
    for each in trained:
        results = each.facts["results"]
        low, high = results["accuracy_interval"]
        table.add_row(
            each.words, str(results["images"]["train"]), str(each.images),
            f"{100 * results['accuracy']:.1f} %", rf"\[{100 * low:.1f}, {100 * high:.1f}]",
            f"{first_loss(each):.3f} to {results['loss']:.3f}", str(results["epochs"]),
            f"{each.seconds:.0f}", f"{each.busy:.0f}",
        )  # fmt: skip
    return table


def first_loss(trained: Trained) -> float:
    """Of the validation images after the first epoch."""
    history = pd.read_parquet(Path(trained.facts["config"]["out"]) / "history.parquet")
    return float(history[history["split"] == "validation"]["loss"].iloc[0])


def missed(photos: list[Trained], sample: list[Trained]) -> list[str]:
    """Targets that are not reached."""
    found = []
    if photos and statistics.mean(each.right / each.images for each in photos) <= ACCURACY:
        found.append(f"features: expected more than {100 * ACCURACY:.0f} % right")
    found += [f"{p.words}: over {SECONDS} s" for p in photos if p.busy >= SECONDS]
    for each in sample:
        if each.facts["results"]["accuracy_interval"][0] <= 2 * CHANCE:
            found.append(f"{each.words}: not well above chance")
        if each.facts["results"]["loss"] >= first_loss(each):
            found.append(f"{each.words}: the loss does not fall")
    return found


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=30, help="from scratch on the sample")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    console = Console(width=120)
    console.print(machine_line(given.threads), highlight=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = head_on_features(folder) if SHARED.is_dir() else []
        sample = on_the_sample(folder, given.epochs)
        console.print(show([*photos, *sample]))
        if photos:
            right, images = sum(p.right for p in photos), sum(p.images for p in photos)
            low, high = wilson_interval(right, images)
            console.print(
                f"features, over {FOLDS} divisions: {right} of {images} right, "
                rf"{100 * right / images:.1f} % \[{100 * low:.1f}, {100 * high:.1f}]; "
                f"{max(p.busy for p in photos):.0f} s of processors at most (target: {SECONDS} s)"
            )
        else:
            console.print(f"{SHARED} is not there: no photographs to train on")
        problems = missed(photos, sample)
    for problem in problems:
        console.print(f"Missed: {problem}", style="bold red")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
