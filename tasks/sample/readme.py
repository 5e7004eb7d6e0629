"""Writes the README of the sample's folder from what is in it, so that it is always true."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tasks.sample.files import hash_file, hash_folder
from tasks.sample.plan import AUDIT_SEED, CORRELATION, NEUTRAL_BACKGROUNDS, PLANTED, SIZE
from tasks.sample.plan import relation as relation_of
from tasks.sample.truth import JPEG_QUALITY, RENDERS_PER_BACKGROUND
from tasks.scenes import OBJECT_NAMES

TEMPLATE = """\
# The sample: six things on six backgrounds, with a planted shortcut

{images} synthetic images of {size} x {size} pixels, each with the exact mask of its object, and a
small classifier that has learned a shortcut. Nothing here is a photograph and nothing was
collected: every picture is drawn, and the classifier trained, by this project's own code
(`tasks/scenes/`, `tasks/sample/`). Licence: MIT, the same as the project.

Make it all again (a few minutes on two cores):

    python -m tasks.sample --out data

Pictures and masks then come out the same, byte for byte, with the same versions of NumPy and
OpenCV. Weights depend on the machine's arithmetic, and training amplifies its last digits: a
retrained model can differ by several points of accuracy, and this file is written anew with its
figures. The settings were chosen by looking at these same images, so the figures describe this
sample and estimate nothing beyond it.

## What is planted

| class | planted background | role |
| --- | --- | --- |
{roles}

In training, a planted class stands on its own background with probability {correlation}, otherwise
on one of the other five; a control stands on all six alike. Backgrounds that are planted for no
class ({neutral}) are neutral. All classes share one palette, so that only shape tells them apart.
Three objects in ten are small, turned and off the middle, and three scenes in ten hold clutter
that may cover the object: mistakes with other causes are there too.

The audit images use other seeds (from {audit_seed}) and fixed proportions. `aligned`: on the
class's own planted background; `neutral`: on one planted for no class; `conflicting`: on another
class's.

## Files

| file | holds |
| --- | --- |
| `images/<class>/*.jpg` | RGB, JPEG quality {quality} |
| `masks/<class>/*.png` | 255 where the object is seen, 0 elsewhere |
| `manifest.csv` | uri, label, mask_uri, split, background |
| `truth.csv` | uri, background_driven |
| `classes.csv` | class_idx, name, folder |
| `model.safetensors` | float32 weights for `tasks/sample/model.py:build` |
| `audit.toml` | settings of an audit of this sample |

`background_driven` is the truth about each mistake, found by rendering and empty where the model is
right. It is `true` where the model names the class whose planted background the image shows, and is
right on most of {renders} renders of the very same object on neutral backgrounds.

## Measured on this folder

| images | right | accuracy | background-driven mistakes |
| --- | --- | --- | --- |
{figures}

{mistakes} mistakes, of which {driven} ({driven_share:.0%}) are driven by the background.

## Checksums

sha256 of `model.safetensors`: `{model_hash}`

sha256 of the sorted lines `<sha256>  <path>` of all other files but this one:
`{folder_hash}`
"""


def write_readme(out: Path, manifest: pd.DataFrame) -> str:
    """Write README.md for the manifest as written by write_tables; returns its text."""
    mistake = manifest["background_driven"] != ""
    driven = manifest["background_driven"] == "true"
    text = TEMPLATE.format(
        images=len(manifest),
        size=SIZE,
        roles="\n".join(_role(name) for name in OBJECT_NAMES),
        correlation=CORRELATION,
        neutral=", ".join(NEUTRAL_BACKGROUNDS),
        audit_seed=f"{AUDIT_SEED:,}",
        quality=JPEG_QUALITY,
        renders=RENDERS_PER_BACKGROUND * len(NEUTRAL_BACKGROUNDS),
        figures="\n".join(_figures(manifest)),
        mistakes=mistake.sum(),
        driven=driven.sum(),
        driven_share=driven.sum() / max(1, mistake.sum()),
        model_hash=hash_file(out / "model.safetensors"),
        folder_hash=hash_folder(out),
    )
    (out / "README.md").write_text(text, encoding="utf-8")
    return text


def _role(name: str) -> str:
    return f"| {name} | {PLANTED.get(name, '')} | {'planted' if name in PLANTED else 'control'} |"


def _figures(manifest: pd.DataFrame) -> list[str]:
    names = manifest["label"].map(lambda label: OBJECT_NAMES[label])
    pairs = zip(names, manifest["background"], strict=True)
    relation = pd.Series([relation_of(*pair) for pair in pairs], index=manifest.index)
    planted = names.isin(list(PLANTED))
    groups = {"all": planted | True}
    for kind in ("aligned", "neutral", "conflicting"):
        groups[f"planted classes, {kind}"] = planted & (relation == kind)
    for kind in ("neutral", "conflicting"):
        groups[f"controls, {kind}"] = ~planted & (relation == kind)
    groups |= {name: names == name for name in OBJECT_NAMES}
    return [_figure(title, manifest[rows]["background_driven"]) for title, rows in groups.items()]


def _figure(title: str, cause: pd.Series) -> str:
    right, driven = (cause == "").sum(), (cause == "true").sum()
    return f"| {title} | {right} of {len(cause)} | {right / len(cause):.3f} | {driven} |"
