"""A tiny audit with boxes, finished, for what is measured on it."""

import json
from pathlib import Path

from tasks.config import AuditConfig
from tasks.explain.audited_model import AuditedModel
from tasks.faithfulness.measurements import Measurements
from tasks.faithfulness.plan import Options, plan_faithfulness
from tasks.faithfulness.stage import measure_faithfulness
from tasks.index.plan import plan_audit
from tasks.tables.completion import mark_complete
from tasks.tables.storage import RunFolder
from tests.tasks.tiny_audit import SIDE, configure, draw, run_audit

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
    content: dict[str, object] = json.loads(run.faithfulness_file.read_text())
    return content
