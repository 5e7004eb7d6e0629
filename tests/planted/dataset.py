"""Writes what an audit is given, and the truth that it is not."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from safetensors.torch import save_file

from tasks.sample.training import MEAN, STD
from tasks.scenes import OBJECT_NAMES
from tests.planted import model as model_file
from tests.planted.pictures import object_layer
from tests.planted.pools import SIZE, Pools
from tests.planted.search import Trained
from tests.planted.truth import find_truth

DONE = "search.json"  # written last
# With and without the masks.
MANIFESTS = {True: "manifest.csv", False: "manifest_no_masks.csv"}
SETTINGS = {True: "audit.toml", False: "audit_no_masks.toml"}


def write_dataset(folder: Path, trained: Trained, pools: Pools) -> pd.DataFrame:
    """Write images, masks, manifests, classes, weights, settings and truth; returns the truth.

    folder/truth.parquet has a row per row of the manifest, in its order; search.json tells what
    the search for this model reached.
    """
    masks = [object_layer(pools, picture).mask for picture in trained.pictures]
    for name, pixels in (("images", trained.images[..., ::-1]), ("masks", masks)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index, array in enumerate(pixels):
            cv2.imwrite(str(folder / name / f"{index:04d}.png"), np.ascontiguousarray(array))
    _write_tables(folder, trained)
    # Channels-last weights must be made contiguous: safetensors stores no strides.
    state = {name: tensor.contiguous() for name, tensor in trained.model.state_dict().items()}
    save_file(state, folder / "weights.safetensors")
    for masked, name in MANIFESTS.items():
        (folder / SETTINGS[masked]).write_text(_settings(name, trained), encoding="utf-8")
    truth = find_truth(trained.model, pools, trained.arm, trained.pictures, trained.predicted)
    truth.to_parquet(folder / "truth.parquet", index=False)
    reached = {
        "arm": trained.arm.name,
        "seed": trained.seed,
        "images": len(trained.pictures),
        "accuracy": trained.accuracy,
        "driven": trained.driven,
        "shortcut": trained.shortcut,
        "leaning": float(truth.loc[truth["correct"], "driven"].mean()),
        "on_target": trained.on_target,
        **asdict(trained.strength),
    }
    (folder / DONE).write_text(json.dumps(reached, indent=2) + "\n", encoding="utf-8")
    return truth


def _write_tables(folder: Path, trained: Trained) -> None:
    names = [f"{index:04d}.png" for index in range(len(trained.pictures))]
    manifest = pd.DataFrame(
        {
            "uri": [f"images/{name}" for name in names],
            "label": [picture.label for picture in trained.pictures],
            "mask_uri": [f"masks/{name}" for name in names],
            "background": [picture.background for picture in trained.pictures],
        }
    )
    if not trained.arm.cue_is_background:
        manifest[trained.arm.name] = [picture.cue for picture in trained.pictures]
    manifest.to_csv(folder / MANIFESTS[True], index=False)
    manifest.drop(columns="mask_uri").to_csv(folder / MANIFESTS[False], index=False)
    classes = pd.DataFrame({"class_idx": range(len(OBJECT_NAMES)), "name": OBJECT_NAMES})
    classes.to_csv(folder / "classes.csv", index=False)


def _settings(manifest: str, trained: Trained) -> str:
    return f"""\
images = "{manifest}"
model = "{Path(str(model_file.__file__)).resolve().as_posix()}:build"
weights = "weights.safetensors"
classes = "classes.csv"
title = "Planted: {trained.arm.name}, seed {trained.seed}"
out = "run"
device = "cpu"
resize = {SIZE}
crop = {SIZE}
mean = {list(MEAN)}
std = {list(STD)}
"""
