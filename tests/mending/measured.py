"""What an audit says of a model, before and after it was mended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tasks.config import AuditConfig
from tasks.diff.stage import compare_runs
from tasks.index.plan import plan_audit
from tasks.sample.training import MEAN, STD
from tasks.scenes import OBJECT_NAMES
from tasks.tables.completion import mark_complete
from tasks.tables.storage import RunFolder
from tasks.training.groups import tag_groups, worst_group
from tests.mending.dataset import ARM, Dataset
from tests.planted.pools import SIZE
from tests.tasks.tiny_audit import run_audit

FORWARDS = 2.0  # of the second pass, per image
IN_PART = " (in part)"


@dataclass(frozen=True)
class Measured:
    """One audit of the test images.

    accuracy : of all, which are as many of each group: the mean over groups, too
    worst : accuracy of the worst group, and which that is
    driven : share of the mistakes that the background drives, estimated by the second pass
    mistakes : share of all images
    lured : of the images on a background that is planted for another class, the share that is taken
        for that class: the shortcut itself, which nobody but the renderer knows
    """

    accuracy: float
    worst: float
    worst_name: str
    driven: float
    mistakes: float
    lured: float


def audit(data: Dataset, model: str, weights: Path | None, out: Path) -> RunFolder:
    """Audit the test images in this process; what is done already stays."""
    given = {
        "images": str(data.test),
        "model": model,
        "weights": None if weights is None else str(weights),
        "classes": str(data.classes),
        "out": str(out),
        "device": "cpu",
        "resize": SIZE,
        "crop": SIZE,
        "mean": MEAN,
        "std": STD,
        "second_pass": FORWARDS,
    }
    config = AuditConfig.model_validate(given)
    run = run_audit(config)
    mark_complete(run, plan_audit(config).shards, config.second_pass)
    return run


def measure(run: RunFolder) -> Measured:
    """The figures of a finished audit."""
    predictions = run.dataset("predictions").to_table(columns=["image_id", "correct", "predicted"])
    manifest = run.dataset("manifest").to_table(columns=["image_id", "label", "tags"])
    rows = predictions.to_pandas().merge(manifest.to_pandas(), on="image_id")
    names = [OBJECT_NAMES[label] for label in rows["label"]]
    groups = tag_groups(names, [dict(tags) for tags in rows["tags"]], "background")
    name, worst, _ = worst_group(rows["correct"].tolist(), groups)
    stats: pd.DataFrame = run.dataset("background_stats").to_table().to_pandas()
    everything = stats[stats["group"] == "all"].iloc[0]
    accuracy, driven = float(rows["correct"].mean()), float(everything["driven_share"])
    return Measured(accuracy, worst, name, driven, 1 - accuracy, lured(rows))


def lured(rows: pd.DataFrame) -> float:
    """Of the images on a background that is planted for another class, the share that is taken for
    that class.

    rows : label, predicted (class indices) and tags (pairs, `background` among them)
    """
    planted = [ARM.class_of(dict(tags)["background"]) for tags in rows["tags"]]
    hits = [
        predicted == own
        for own, label, predicted in zip(planted, rows["label"], rows["predicted"], strict=True)
        if own is not None and own != label
    ]
    return sum(hits) / len(hits)


def mended_classes(before: RunFolder, after: RunFolder) -> tuple[str, ...]:
    """The classes that the diff of two audits calls mended; IN_PART stands behind those that it
    calls so in part."""
    rows = compare_runs(before, after).tables["mended"].to_pylist()
    words = {"mended": "", "partly": IN_PART}
    return tuple(
        sorted(row["label"] + words[row["state"]] for row in rows if row["state"] in words)
    )
