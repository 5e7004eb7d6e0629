"""Makes the sample dataset and its classifier: `python -m tasks.sample --out data`."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import Progress
from torch import nn

from tasks.sample.files import write_model, write_scenes, write_tables
from tasks.sample.plan import Placement, plan_audit, plan_training, render_all
from tasks.sample.readme import write_readme
from tasks.sample.training import EPOCHS, predict_logits, train
from tasks.sample.truth import decode_jpeg, encode_jpeg, find_causes
from tasks.scenes import Scene

MADE_HERE = ("images", "masks")


def make_sample(out: Path, progress: Progress, seed: int = 0) -> str:
    """Render, train, measure and write the whole sample; returns the text of its README.

    out : folder to write; its `images` and `masks` are made anew
    seed : of the training (the plan and the pictures do not depend on it)
    """
    for folder in MADE_HERE:
        shutil.rmtree(out / folder, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)

    audit = plan_audit()
    audit_scenes = _render(audit, progress, "rendering the audit images")
    model = _train_on_scenes(plan_training(), progress, seed)
    # What is predicted must be what is stored: JPEG moves a few images across the boundary.
    stored = np.stack([decode_jpeg(encode_jpeg(scene.image)) for scene in audit_scenes])
    predicted = predict_logits(model, stored).argmax(axis=1)

    write_scenes(out, audit, audit_scenes)
    write_model(out, model)
    manifest = write_tables(out, audit, find_causes(model, audit, predicted))
    return write_readme(out, manifest)


def _render(placements: list[Placement], progress: Progress, what: str) -> list[Scene]:
    return list(progress.track(render_all(placements), len(placements), description=what))


def _train_on_scenes(placements: list[Placement], progress: Progress, seed: int) -> nn.Module:
    scenes = _render(placements, progress, "rendering the training images")
    images = np.stack([scene.image for scene in scenes])
    labels = np.array([placement.label for placement in placements])
    bar = progress.add_task("training", total=EPOCHS)

    def show(epoch: int, loss: float, accuracy: float) -> None:
        what = f"training: epoch {epoch}, loss {loss:.3f}, accuracy {accuracy:.3f}"
        progress.update(bar, completed=epoch, description=what)

    return train(images, labels, EPOCHS, seed, show)


def main() -> None:
    """Read the command line and make the sample."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("data"), help="folder to write")
    parser.add_argument("--seed", type=int, default=0, help="of the training")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    console = Console()
    with Progress(console=console) as progress:
        text = make_sample(arguments.out, progress, arguments.seed)
    console.print(Markdown(text))


if __name__ == "__main__":
    main()
