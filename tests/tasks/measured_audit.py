"""A tiny audit with boxes, finished, for what is measured on it."""

import csv
import json
from pathlib import Path

from tasks.config import AuditConfig, load_config
from tasks.explain.audited_model import AuditedModel
from tasks.faithfulness.measurements import Measurements
from tasks.faithfulness.plan import Options, plan_faithfulness
from tasks.faithfulness.stage import measure_faithfulness
from tasks.index.plan import plan_audit
from tasks.tables.completion import mark_complete
from tasks.tables.storage import RunFolder
from tests.tasks.tiny_audit import SIDE, configure, draw, run_audit

SAMPLE = Path(__file__).resolve().parents[2] / "data"
BOX = (4, 8, 24, 20)  # left, top, right, bottom: on the borders of the 8 x 8 cells


def write_manifest(folder: Path, images: int, *, boxes: bool = True, labels: bool = True) -> Path:
    """Images of the size of the model's view, labels in turn, the last image without a box."""
    lines = ["uri,label,boxes"]
    for i in range(images):
        draw(folder / f"{i}.png", seed=i, size=(SIDE, SIDE))
        box = f'"[{list(BOX)}]"' if boxes and i < images - 1 else ""
        lines.append(f"{i}.png,{i % 3 if labels else ''},{box}")
    file = folder / "manifest.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def finish(config: AuditConfig) -> RunFolder:
    """A whole audit with its mark, without the report."""
    run = run_audit(config)
    mark_complete(run, plan_audit(config).shards, config.second_pass)
    return run


def finished_audit(folder: Path, images: int = 6, **changes: object) -> RunFolder:
    """changes : of the configuration"""
    return finish(configure(folder, write_manifest(folder, images), **changes))


def measure(run: RunFolder, options: Options = Options()) -> Measurements:  # noqa: B008
    """Measure and write the tables."""
    plan = plan_faithfulness(run, options)
    return measure_faithfulness(plan, AuditedModel(plan.facts, "cpu"), lambda _maps: None)


def facts(run: RunFolder) -> dict[str, object]:
    content: dict[str, object] = json.loads(run.added_file("faithfulness").read_text())
    return content


def sample_audit(folder: Path) -> RunFolder:
    """The first pass over every other image of the embedded sample."""
    rows = list(csv.DictReader((SAMPLE / "manifest.csv").open()))[::2]
    for row in rows:
        row["uri"], row["mask_uri"] = str(SAMPLE / row["uri"]), str(SAMPLE / row["mask_uri"])
    with (folder / "manifest.csv").open("w") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    changes = {"images": str(folder / "manifest.csv"), "out": str(folder / "run")}
    fixed = {"roots": [str(SAMPLE)], "second_pass": 0, "device": "cpu"}
    return finish(load_config(SAMPLE / "audit.toml", {**changes, **fixed}))
