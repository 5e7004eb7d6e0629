"""Networks before and after surgery: accuracy, parameters, and where their maps lie.

python -m tests.benchmarks.cam_heads: `camaudit train --cam-head` on ImageNet's squeezenet1_0 and
mobilenet_v2 (photographs of ten classes, half of which train and half are measured) and on AlexNet
and VGG11, trained here on rendered scenes, for want of their weights. Before: the network's own
head, by Grad-CAM++ at its last layer; after: CAM (arXiv:1512.04150, section 3 and table 2).
"""

import argparse
import tempfile
from dataclasses import astuple, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.table import Table

from flows.train_progress import TrainProgress
from tasks.config import AuditConfig
from tasks.images.geometry import place
from tasks.localization.score_maps import centre_map
from tasks.model.loading import load_model
from tasks.tables.storage import RunFolder
from tasks.training.config import TrainConfig
from tasks.training.plan import plan_training
from tasks.training.stage import train
from tests.benchmarks import scene_networks
from tests.benchmarks.cam_head_data import WEIGHTS, Data, imagenet_indices, photographs, scenes
from tests.benchmarks.machine import machine_line
from tests.tasks.tiny_audit import run_audit, table

CROPS = {"squeezenet1_0": 227, "mobilenet_v2": 225}  # those that the weights were trained with
# How the networks for scenes are trained with their own head, and with each new one.
SCRATCH: dict[str, dict[str, Any]] = {
    "alexnet": {"epochs": 24, "rate": 3e-4},
    "vgg11_bn": {"epochs": 30, "rate": 5e-4, "batch_size": 16},
}
SURGERY: dict[str, dict[str, dict[str, Any]]] = {
    "alexnet": {
        "head": {"way": "finetune", "unfreeze": 0, "head_epochs": 6, "epochs": 6},
        "head and last block": {"way": "finetune", "unfreeze": 1, "head_epochs": 3, "epochs": 6},
    },
    # Its own head learns little from a thousand scenes: there is no trunk to go on from.
    "vgg11_bn": {"all, from scratch": {"way": "scratch", "epochs": 20, "rate": 1e-3}},
}


@dataclass(frozen=True)
class Row:
    """A network with a head; figures are means over the held-out images, with the centre's."""

    network: str
    head: str
    parameters: int
    images: int
    accuracy: float
    energy: tuple[float, float]
    max_box_acc_v2: tuple[float, float]
    gt_known: tuple[float, float]

    def cells(self) -> list[str]:
        """As the table shows them."""
        pairs = (self.energy, self.max_box_acc_v2, self.gt_known)
        return [
            self.network, self.head, f"{self.parameters / 1e6:.2f} M", f"{self.accuracy:.1%}",
            *(f"{own:.1%} / {centre:.1%}" for own, centre in pairs), str(self.images),
        ]  # fmt: skip


def trained(data: Data, out: Path, **settings: Any) -> str:
    """Train, or take what is there; the folder of the trained model."""
    values = {
        "images": str(data.training), "classes": str(data.classes), "out": str(out),
        "device": "cpu", "workers": 0, **data.preprocessing, **settings,
    }  # fmt: skip
    plan = plan_training(TrainConfig.model_validate(values), "cpu")
    with TrainProgress() as shown:
        train(plan, shown)
    return str(out)


def measured(
    names: tuple[str, str], images: Path, out: Path, among: list[int] | None, **settings: Any
) -> Row:
    """The row of a network and head, from an audit of the held-out images.

    among : class indices that may be predicted; None: all
    """
    config = AuditConfig.model_validate(
        {"images": str(images), "out": str(out), "device": "cpu", "second_pass": 0, **settings}
    )
    run = run_audit(config)
    stats = table(run, "localization_stats").query("class_idx == -1").set_index("figure")
    maps = table(run, "heatmaps").query("role == 'label'")
    module = load_model(config.model, config.weights, untrained=True).module
    boxes = [tuple(stats.loc[name, ["value", "centre"]]) for name in ("max_box_acc_v2", "gt_known")]
    return Row(
        *names, sum(p.numel() for p in module.parameters()), len(maps), accuracy(run, among),
        (float(maps["object_energy"].mean()), energy_of_centre(run)), boxes[0], boxes[1],
    )  # fmt: skip


def accuracy(run: RunFolder, among: list[int] | None) -> float:
    """Share of right answers where the best of some classes is the answer."""
    rows = table(run, "predictions")
    answers = [
        next(c for c in listed if among is None or c in among) for listed in rows["top_k_class"]
    ]
    return float(np.mean(rows["label"] == answers))


def energy_of_centre(run: RunFolder) -> float:
    """Mean share in the boxes of a Gaussian on the centre of the view."""
    boxes = table(run, "manifest").set_index("image_id")["boxes"]
    seen = run.audit()["preprocessing"]
    baseline, shares = centre_map(seen["crop"]), []
    for row in table(run, "predictions").itertuples():
        view = place(row.width, row.height, seen["resize"], seen["crop"])
        inside = np.zeros_like(baseline)
        for left, top, right, bottom in view.to_view(np.stack(boxes[row.image_id])):
            inside[top : bottom + 1, left : right + 1] = 1
        shares.append((baseline * inside).sum() / baseline.sum())
    return float(np.mean(shares))


def photograph_rows(folder: Path, network: str, fold: int, epochs: int) -> list[Row]:
    """ImageNet's network before, and with both heads."""
    data = photographs(folder / f"photographs{fold}-{network}", fold, CROPS[network])
    base = {
        "model": f"torchvision:{network}", "weights": str(WEIGHTS / f"{network}.pth"),
        **data.preprocessing,
    }  # fmt: skip
    among, out = imagenet_indices(), folder / f"{network}-{fold}"
    before = measured(
        (network, "own"), imagenet_labels(data, among), out / "before", among, top_k=1000, **base
    )
    rows = [before]
    for head in ("gap", "gmp"):
        made = trained(
            data, out / head, way="finetune", cam_head=head, unfreeze=0, epochs=epochs, **base
        )
        run = out / f"{head}-run"
        names = (network, f"{head.upper()}, head")
        rows.append(measured(names, data.held_out, run, None, model=made, method="cam"))
    return rows


def imagenet_labels(data: Data, indices: list[int]) -> Path:
    """The held-out manifest with ImageNet's class indices."""
    rows = pd.read_csv(data.held_out)
    rows["label"] = [indices[label] for label in rows["label"]]
    file = data.held_out.with_name("imagenet.csv")
    rows.to_csv(file, index=False)
    return file


def scene_rows(folder: Path, network: str, data: Data) -> list[Row]:
    """A network trained from scratch, before and with both heads."""
    untrained = f"{scene_networks.__file__}:{network}"
    out = folder / network
    before = trained(data, out / "scratch", way="scratch", model=untrained, **SCRATCH[network])
    rows = [measured((network, "own"), data.held_out, out / "before", None, model=before)]
    for head, (number, part) in product(("gap", "gmp"), enumerate(SURGERY[network])):
        settings = SURGERY[network][part]
        base = before if settings["way"] == "finetune" else untrained
        made = trained(data, out / f"{head}-{number}", model=base, cam_head=head, **settings)
        names = (network, f"{head.upper()}, {part}")
        run = out / f"{head}-{number}-run"
        rows.append(measured(names, data.held_out, run, None, model=made, method="cam"))
    return rows


def pooled(folds: list[list[Row]]) -> list[Row]:
    """Means over folds of one size; the images of all."""
    means = []
    for rows in zip(*folds, strict=True):
        pairs = [
            tuple(np.mean([getattr(row, name) for row in rows], axis=0))
            for name in ("energy", "max_box_acc_v2", "gt_known")
        ]
        correct = float(np.mean([row.accuracy for row in rows]))
        images = sum(row.images for row in rows)
        means.append(Row(*astuple(rows[0])[:3], images, correct, *pairs))
    return means


def main() -> None:
    """Read the command line, train, audit, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=[*CROPS, *SCRATCH], help="default: all")
    parser.add_argument("--folds", type=int, choices=(1, 2), default=2, help="of the photographs")
    parser.add_argument("--epochs", type=int, default=6, help="on photographs")
    parser.add_argument("--training", type=int, default=960, help="scenes")
    parser.add_argument("--held-out", type=int, default=240, help="scenes")
    parser.add_argument("--out", type=Path, help="folder to keep; the same call goes on in it")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="cam-heads-") as temporary:
        folder = (options.out or Path(temporary)).resolve()
        for network in options.networks:
            if network in CROPS:
                folds = [
                    photograph_rows(folder, network, fold, options.epochs)
                    for fold in range(options.folds)
                ]
                rows += pooled(folds)
            else:
                data = scenes(folder / "scenes", options.training, options.held_out)
                rows += scene_rows(folder, network, data)
    console = Console(width=120)
    console.print(machine_line(1))
    shown = Table(
        "network", "head, and what is trained", "parameters", "accuracy", "energy in box / centre",
        "MaxBoxAccV2 / centre", "GT-known / centre", "images",
    )  # fmt: skip
    for row in rows:
        shown.add_row(*row.cells())
    console.print(shown)


if __name__ == "__main__":
    main()
