"""Networks before and after surgery: accuracy, parameters, and where their maps lie.

python -m tests.benchmarks.cam_heads: `camaudit train --cam-head` on ImageNet's squeezenet1_0 and
mobilenet_v2 (photographs of ten classes, half of which train and half are measured) and on AlexNet
and VGG11, trained here on rendered scenes, for want of their weights. Before: the network's own
head, by Grad-CAM++ at its last layer; after: CAM (arXiv:1512.04150, section 3 and table 2).
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from rich.console import Console
from rich.table import Table
from scipy.stats import bootstrap

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
from tests.benchmarks.cam_head_data import (
    PHOTOGRAPHS,
    WEIGHTS,
    Data,
    imagenet_indices,
    photographs,
    scenes,
)
from tests.benchmarks.machine import machine_line
from tests.tasks.tiny_audit import run_audit, table

CROPS = {"squeezenet1_0": 227, "mobilenet_v2": 225}  # those that the weights were trained with
# How the networks for scenes learn with their own head; chosen by its accuracy alone.
SCRATCH: dict[str, dict[str, Any]] = {
    "alexnet": {"way": "scratch", "epochs": 10, "rate": 3e-4},
    "vgg11_bn": {"way": "scratch", "epochs": 20, "rate": 1e-3},
}
SURGERY: dict[str, Any] = {"way": "finetune", "unfreeze": 1, "head_epochs": 3, "epochs": 6}


@dataclass(frozen=True)
class Row:
    """A network with a head; figures are means over the held-out images, with the centre's.

    leads : by image, the share of energy in the boxes less the centre's; an empty map has none
    """

    network: str
    head: str
    parameters: int
    accuracy: float
    energy: tuple[float, float]
    max_box_acc_v2: tuple[float, float]
    gt_known: tuple[float, float]
    leads: npt.NDArray[np.float64]

    def cells(self) -> list[str]:
        """As the table shows them."""
        pairs = (self.energy, self.max_box_acc_v2, self.gt_known)
        within = bootstrap((self.leads,), np.mean, rng=0, method="percentile").confidence_interval
        return [
            self.network, self.head, f"{self.parameters / 1e6:.2f} M", f"{self.accuracy:.1%}",
            f"{self.energy[0]:.1%} / {self.energy[1]:.1%}",
            f"{100 * self.leads.mean():+.1f} [{100 * within.low:+.1f}, {100 * within.high:+.1f}]",
            *(f"{own:.1%} / {centre:.1%}" for own, centre in pairs[1:]), str(len(self.leads)),
        ]  # fmt: skip


def trained(data: Data, out: Path, **settings: Any) -> str:
    """Train, or take what is there; the folder of the trained model."""
    values = {
        "images": str(data.training), "classes": str(data.classes), "out": str(out),
        "device": "cpu", "workers": 0, "roots": (str(data.training.parent), str(PHOTOGRAPHS)),
        **data.preprocessing, **settings,
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
        {
            "images": str(images), "out": str(out), "device": "cpu", "second_pass": 0,
            "roots": (str(images.parent), str(PHOTOGRAPHS)), **settings,
        }
    )  # fmt: skip
    run = run_audit(config)
    stats = table(run, "localization_stats").query("class_idx == -1").set_index("figure")
    maps = table(run, "heatmaps").query("role == 'label'").set_index("image_id")
    energy, centre = maps["object_energy"].fillna(0.0).sort_index(), energy_of_centre(run)
    module = load_model(config.model, config.weights, untrained=True).module
    boxes = [tuple(stats.loc[name, ["value", "centre"]]) for name in ("max_box_acc_v2", "gt_known")]
    return Row(
        *names, sum(p.numel() for p in module.parameters()), accuracy(run, among),
        (float(energy.mean()), float(centre.mean())), boxes[0], boxes[1],
        (energy - centre).to_numpy(),
    )  # fmt: skip


def accuracy(run: RunFolder, among: list[int] | None) -> float:
    """Share of right answers where the best of some classes is the answer."""
    rows = table(run, "predictions")
    answers = [
        next(c for c in listed if among is None or c in among) for listed in rows["top_k_class"]
    ]
    return float(np.mean(rows["label"] == answers))


def energy_of_centre(run: RunFolder) -> "pd.Series[float]":
    """By image, the share in the boxes of a Gaussian on the centre of the view."""
    boxes = table(run, "manifest").set_index("image_id")["boxes"]
    seen = run.audit()["preprocessing"]
    baseline, shares = centre_map(seen["crop"]), {}
    for row in table(run, "predictions").itertuples():
        view = place(row.width, row.height, seen["resize"], seen["crop"])
        inside = np.zeros_like(baseline)
        for left, top, right, bottom in view.to_view(np.stack(boxes[row.image_id])):
            inside[top : bottom + 1, left : right + 1] = 1
        shares[row.image_id] = (baseline * inside).sum() / baseline.sum()
    return pd.Series(shares).sort_index()


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


def scene_rows(folder: Path, network: str, data: Data, seed: int) -> list[Row]:
    """A network trained from scratch, before and with both heads."""
    untrained = f"{scene_networks.__file__}:{network}"
    out = folder / f"{network}-{seed}"
    before = trained(data, out / "scratch", model=untrained, seed=seed, **SCRATCH[network])
    rows = [measured((network, "own"), data.held_out, out / "before", None, model=before)]
    for head in ("gap", "gmp"):
        made = trained(data, out / head, model=before, cam_head=head, seed=seed, **SURGERY)
        run = out / f"{head}-run"
        names = (network, f"{head.upper()}, head and last block")
        rows.append(measured(names, data.held_out, run, None, model=made, method="cam"))
    return rows


def pooled(parts: list[list[Row]]) -> list[Row]:
    """Means over folds or seeds of one size; the images of all."""
    means = []
    for rows in zip(*parts, strict=True):
        pairs = [
            tuple(np.mean([getattr(row, name) for row in rows], axis=0))
            for name in ("energy", "max_box_acc_v2", "gt_known")
        ]
        leads = np.concatenate([row.leads for row in rows])
        correct = float(np.mean([row.accuracy for row in rows]))
        one = rows[0]
        means.append(Row(one.network, one.head, one.parameters, correct, *pairs, leads))
    return means


def _table(rows: list[Row], title: str | None = None) -> Table:
    shown = Table(
        "network", "head, and what is trained", "parameters", "accuracy", "energy in box / centre",
        "lead [95 %]", "MaxBoxAccV2 / centre", "GT-known / centre", "images", title=title,
    )  # fmt: skip
    for row in rows:
        shown.add_row(*row.cells())
    return shown


def main() -> None:
    """Read the command line, train, audit, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=[*CROPS, *SCRATCH], help="default: all")
    parser.add_argument("--folds", type=int, choices=(1, 2), default=2, help="of the photographs")
    parser.add_argument("--epochs", type=int, default=6, help="on photographs")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2], help="of scenes and weights"
    )
    parser.add_argument("--training", type=int, default=3000, help="scenes")
    parser.add_argument("--held-out", type=int, default=240, help="scenes")
    parser.add_argument("--out", type=Path, help="folder to keep; the same call goes on in it")
    options = parser.parse_args()
    torch.set_num_threads(1)
    console = Console(width=130)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="cam-heads-") as temporary:
        folder = (options.out or Path(temporary)).resolve()
        for network in options.networks:
            if network in CROPS:
                parts = [
                    photograph_rows(folder, network, fold, options.epochs)
                    for fold in range(options.folds)
                ]
            else:
                parts = []
                for seed in options.seeds:
                    made = folder / f"scenes{seed}"
                    data = scenes(made, options.training, options.held_out, seed)
                    parts.append(scene_rows(folder, network, data, seed))
                    console.print(_table(parts[-1], f"{network}, seed {seed}"))
            rows += pooled(parts)
    console.print(machine_line(1))
    console.print(_table(rows))


if __name__ == "__main__":
    main()
