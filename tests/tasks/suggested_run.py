"""A finished audit written by hand, with what `camaudit suggest` reads beyond `compared_runs`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.tables.storage import RunFolder
from tasks.tables.unit_schemas import NEAR_DUPLICATES
from tasks.tables.whole_files import write_table
from tests.tasks.compared_runs import Row, image, write_run

CLASSES = ["mug", "boat", "fish"]
HOME = np.eye(4)  # features: each class a direction of its own


def write_suggested_run(
    root: Path,
    images: Sequence[Row],
    findings: Sequence[Row] = (),
    *,
    contexts: Mapping[int, Sequence[int]] | None = None,
    duplicates: Mapping[int, int] | None = None,
) -> RunFolder:
    """contexts : by cluster the images that show it; duplicates : of an image the one before it"""
    shown = [
        row | {"contexts": [c for c, members in (contexts or {}).items() if number in members]}
        for number, row in enumerate(images)
    ]
    run = write_run(root, shown, classes=CLASSES, findings=findings)
    pairs = [{"image_id": n, "first_id": first} for n, first in (duplicates or {}).items()]
    table = pa.Table.from_pylist(pairs, NEAR_DUPLICATES)
    write_table(run.table_file("near_duplicates"), table)
    return run


def seen(number: int, label: int, predicted: int, scene: str, **facts: Any) -> Row:
    """An image whose features are those of its label."""
    generator = np.random.default_rng(number)
    pooled = np.abs(10 * HOME[label] + generator.normal(0, 0.5, 4))
    told: Row = {"tags": [("scene", scene)], "pooled": pooled, "probability": 0.6}
    return image(f"/i/{number:03d}.png", label, predicted, **(told | facts))


def draws(predicted: int, scene: str, **facts: Any) -> Row:
    """A confirmed statement that a scene draws images to a class."""
    subject = f"scene = {scene} -> {CLASSES[predicted]}"
    return {"kind": "tag", "predicted": predicted, "subject": subject} | facts
