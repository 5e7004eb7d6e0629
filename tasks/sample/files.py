"""Writes the sample's folder: images, masks, tables, weights, the audit's settings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import pandas as pd
from safetensors.torch import save_file
from torch import nn

from tasks.sample.plan import PLANTED, SIZE, Placement
from tasks.sample.training import MEAN, STD
from tasks.sample.truth import encode_jpeg
from tasks.scenes import OBJECT_NAMES, Scene

NOTE = (
    "This sample is synthetic: its pictures were rendered and its model trained by camaudit's own "
    f"code, with a background shortcut planted in {', '.join(PLANTED)}. Nothing here is a "
    "photograph, and the figures say nothing about any real model."
)
AUDIT_TOML = f"""\
# Paths are relative to this file's folder. Run it with: camaudit run data/audit.toml
images = "manifest.csv"
model = "../tasks/sample/model.py:build"
weights = "model.safetensors"
classes = "classes.csv"
title = "The embedded sample"
note = "{NOTE}"
second_pass = 4.0
shard_size = 96
resize = {SIZE}
crop = {SIZE}
mean = {list(MEAN)}
std = {list(STD)}
"""


def write_scenes(out: Path, placements: Sequence[Placement], scenes: Sequence[Scene]) -> None:
    """Write every image as JPEG and every mask as PNG, in a folder per class."""
    for index, (placement, scene) in enumerate(zip(placements, scenes, strict=True)):
        image, mask = (out / path for path in scene_paths(index, placement))
        image.parent.mkdir(parents=True, exist_ok=True)
        mask.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(encode_jpeg(scene.image))
        encoded = cv2.imencode(".png", scene.mask, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
        mask.write_bytes(encoded.tobytes())


def scene_paths(index: int, placement: Placement) -> tuple[str, str]:
    """Paths of an image and its mask, relative to the sample's folder."""
    stem = f"{placement.object_name}/{placement.object_name}_{index:04d}"
    return f"images/{stem}.jpg", f"masks/{stem}.png"


def write_tables(
    out: Path, placements: Sequence[Placement], causes: Sequence[bool | None]
) -> pd.DataFrame:
    """Write manifest.csv, truth.csv, classes.csv and audit.toml; returns the manifest with the
    truth beside it. The truth is a file of its own: a column of the manifest would be a tag, and
    the audit would find it."""
    rows = []
    for index, (placement, cause) in enumerate(zip(placements, causes, strict=True)):
        uri, mask_uri = scene_paths(index, placement)
        rows.append(
            {
                "uri": uri,
                "label": placement.label,
                "mask_uri": mask_uri,
                "split": "audit",
                "background": placement.background_name,
                "background_driven": "" if cause is None else str(cause).lower(),
            }
        )
    manifest = pd.DataFrame(rows)
    known = manifest.drop(columns="background_driven")
    known.to_csv(out / "manifest.csv", index=False, lineterminator="\n")
    truth = manifest[["uri", "background_driven"]]
    truth.to_csv(out / "truth.csv", index=False, lineterminator="\n")
    classes = pd.DataFrame({"class_idx": range(len(OBJECT_NAMES)), "name": OBJECT_NAMES})
    classes["folder"] = classes["name"]
    classes.to_csv(out / "classes.csv", index=False, lineterminator="\n")
    (out / "audit.toml").write_text(AUDIT_TOML, encoding="utf-8")
    return manifest


def write_model(out: Path, model: nn.Module) -> None:
    """Write the weights as float32 safetensors."""
    # Channels-last weights must be made contiguous: safetensors stores no strides.
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, out / "model.safetensors")


def hash_file(path: Path) -> str:
    """The sha256 of one file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def hash_folder(out: Path) -> str:
    """The sha256 of the sorted lines `<sha256>  <path>` of all files but the model and README."""
    left_out = {"model.safetensors", "README.md"}
    files = sorted(path for path in out.rglob("*") if path.is_file())
    lines = [
        f"{hash_file(path)}  {path.relative_to(out).as_posix()}\n"
        for path in files
        if path.relative_to(out).as_posix() not in left_out
    ]
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
