"""Made-up numbers of how good maps are: 60 images, methods of known quality."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.faithfulness.comparison import compare_methods
from tasks.tables.schemas import FAITHFULNESS_CURVES, FAITHFULNESS_SUMMARY
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_table

QUALITY = {
    "gradcam++": 0.5, "gradcam": 0.45, "layercam": 0.62, "scorecam": 0.62, "<b>own</b>": 0.2,
    "random map": 0.0, "centre map": 0.15, "random order": 0.05,
}  # fmt: skip
BASELINES = ("random map", "centre map", "random order")
BETTER = {
    "deletion_blur": "lower", "deletion_mean": "lower", "insertion_blur": "higher",
    "insertion_mean": "higher", "road": "higher", "average_drop": "lower",
    "average_increase": "higher", "average_gain": "higher", "object_energy": "higher",
    "pointing_hit": "higher",
}  # fmt: skip
IMAGES = 60
SHARES = np.linspace(0, 1, 17)


def values(methods: dict[str, float] = QUALITY) -> pd.DataFrame:
    """Long table: image_id, method, measure, value. The random order has no object numbers,
    and one image no finite map of scorecam."""
    rng = np.random.default_rng(3)
    rows = []
    for measure, better in BETTER.items():
        ease = rng.uniform(0.1, 0.5, IMAGES)
        for method, quality in methods.items():
            if method == "random order" and measure in ("object_energy", "pointing_hit"):
                continue
            noise = rng.normal(0, 0.05, IMAGES)
            level = quality if better == "higher" else 1 - quality
            value = np.clip(ease + 0.4 * level + noise, 0, 1)
            if measure in ("average_increase", "pointing_hit"):
                value = np.round(value)
            if measure == "road":
                value = value / 2 - 0.2
            if method == "scorecam":
                value[7] = np.nan
            rows += [(i, method, measure, float(v)) for i, v in enumerate(value)]
    return pd.DataFrame(rows, columns=["image_id", "method", "measure", "value"])


def table(methods: dict[str, float] = QUALITY) -> pd.DataFrame:
    return compare_methods(values(methods), BETTER, baselines=BASELINES)


def curves(methods: dict[str, float] = QUALITY) -> pd.DataFrame:
    """Long table: method, measure, share, probability."""
    rows = []
    for measure in ("deletion_blur", "deletion_mean", "insertion_blur", "insertion_mean"):
        for method, quality in methods.items():
            low, high = (0.3, 0.78) if measure.endswith("blur") else (0.05, 0.78)
            bend = SHARES ** (1 / (1 + 2 * quality))
            ends = (high, low) if measure.startswith("deletion") else (low, high)
            probability = ends[0] + (ends[1] - ends[0]) * bend
            rows += [(method, measure, s, p) for s, p in zip(SHARES, probability, strict=True)]
    return pd.DataFrame(rows, columns=["method", "measure", "share", "probability"])


def write(run_folder: Path) -> None:
    """As if it had been measured on the run in this folder: 62 of 70 images drawn, 2 are gone."""
    run = RunFolder(run_folder)
    for name, frame, schema in (
        ("faithfulness_summary", table(), FAITHFULNESS_SUMMARY),
        ("faithfulness_curves", curves(), FAITHFULNESS_CURVES),
    ):
        stored = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
        write_table(run.table_file(name), stored)
    facts = {"reference": "gradcam++", "drawn": IMAGES + 2, "audited": 70, "images": IMAGES}
    facts |= {"seed": 3, "steps": 16}
    run.added_file("faithfulness").write_text(json.dumps(facts))
