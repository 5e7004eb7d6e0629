"""Audits of a made-up classifier that goes by scenes as much as it is told to."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks.findings.background_stats import background_stats
from tasks.findings.findings import find
from tasks.tables.storage import RunFolder
from tests.tasks.compared_runs import CLASSES, Row, image, write_run

SCENES = ["sea", "hall", "wood"]  # each the home of the class of its number
PER_CLASS = 90
OTHER_MISTAKES = 0.04

_VERDICT = ("inclusion", "gap", "turned", "right_replaced", "reliance")


def write_shortcut_run(root: Path, seed: int, strength: float, images: str) -> RunFolder:
    """An audit with the findings that `find` makes of it.

    strength : how often an image away from home is taken for the class whose home it shows
    images : folder of the images, "/a": the same for two audits of the same images
    """
    generator = np.random.default_rng(seed)
    scenes = np.random.default_rng(7).integers(0, 3, 3 * PER_CLASS)
    rows = [
        _image(generator, f"{images}{images}{i:04d}.png", i % 3, int(scene), strength)
        for i, scene in enumerate(scenes)
    ]
    config = {"images": images, "method": "gradcam++", "title": root.name}
    return write_run(root, rows, findings=_findings(rows), audit={"config": config})


def _image(
    generator: np.random.Generator, uri: str, label: int, scene: int, strength: float
) -> Row:
    tags = [("scene", SCENES[scene])]
    drawn = generator.random(3)
    driven = scene != label and drawn[0] < strength
    if not driven and drawn[1] >= OTHER_MISTAKES:
        tested = {"inclusion": 0.15, "right_replaced": 0.9, "gap": generator.normal(0, 0.2)}
        return image(uri, label, label, tags=tags, **(tested if drawn[2] < 0.15 else {}))
    predicted = scene if driven else (label + int(generator.integers(1, 3))) % 3
    sure = driven and drawn[2] < 0.7
    return image(
        uri, label, predicted, tags=tags, inclusion=1.0, right_replaced=0.9 if sure else 0.2,
        gap=float(generator.normal(0.4 if driven else 0.0, 0.3)), turned=0.8 if driven else 0.2,
        verdict="confirmed" if sure else "undetermined", reliance=0.5,
    )  # fmt: skip


def _findings(rows: list[Row]) -> list[dict[str, Any]]:
    table = [
        {"image_id": i, "label": row["label"], "predicted": row["predicted"],
         "correct": row["label"] == row["predicted"], "verdict": row.get("verdict", "undetermined")}
        | {name: row.get(name, np.nan) for name in _VERDICT}
        for i, row in enumerate(rows)
    ]  # fmt: skip
    verdicts = pd.DataFrame(table)
    scenes = [row["tags"][0][1] for row in rows]
    tags = pd.DataFrame({"image_id": range(len(rows)), "scene": scenes})
    found = find(background_stats(verdicts, tags), verdicts, CLASSES, tags=tags).to_pylist()
    return [{name: value for name, value in row.items() if name != "rank"} for row in found]
