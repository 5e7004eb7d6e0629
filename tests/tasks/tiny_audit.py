"""A whole audit without Prefect and Dask, small enough for a test: model, images, tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from PIL import Image

from tasks.clusters.stage import write_clusters
from tasks.config import AuditConfig
from tasks.explain.auditor import Auditor, AuditorSettings
from tasks.explain.shard import explain_shard
from tasks.findings.stage import write_findings
from tasks.index.plan import Plan, plan_audit, write_plan
from tasks.merge.images import merge_images
from tasks.merge.localization import merge_localization
from tasks.merge.merged_tables import merge_class_stats
from tasks.mining.driven_units import write_driven_units
from tasks.mining.shared_units import write_shared_units
from tasks.mining.stage import mine_units
from tasks.second_pass.plan import plan_second_pass, write_second_pass_plan
from tasks.second_pass.shard import intervene_on_shard
from tasks.second_pass.verdicts import write_verdicts
from tasks.tables.shards import valid_record
from tasks.tables.storage import RunFolder
from tasks.tables.taken import take_shards

CLASSES = ("ant", "bee", "cat")
SIDE = 32

# Global average pooling and a linear head behind two convolutions, at random but seeded.
MODEL = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True),
            nn.Conv2d(8, 12, 3, stride=2, padding=1), nn.ReLU(inplace=True),
        )
        self.fc = nn.Linear(12, 3)

    def forward(self, x):
        return self.fc(self.trunk(x).mean(dim=(2, 3)))

def build():
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = Net()
        model.fc.weight.data.mul_(20)
    model.preprocessing = {"resize": 32, "crop": 32, "mean": (0.5, 0.4, 0.3), "std": (0.2,) * 3}
    return model
"""


def write_model(folder: Path, source: str = MODEL) -> str:
    """The specification of a model file in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.py").write_text(source)
    return f"{folder / 'model.py'}:build"


def draw(file: Path, seed: int = 0, size: tuple[int, int] = (40, 36)) -> Path:
    """A smooth random RGB image of size (width, height)."""
    file.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(file)
    return file


def draw_folders(root: Path, per_class: int = 4) -> Path:
    """A folder with a folder of images per class."""
    for number, name in enumerate(CLASSES):
        for i in range(per_class):
            draw(root / name / f"{i}.png", seed=100 * number + i)
    return root


def configure(folder: Path, images: Path | str, **changes: object) -> AuditConfig:
    """The configuration of a tiny audit whose files stand in `folder`."""
    values = {
        "images": str(images), "model": write_model(folder / "code"), "out": str(folder / "run"),
        "device": "cpu", "batch_size": 4, "shard_size": 100, "unit_top_k": 3, "top_k": 3,
    }  # fmt: skip
    return AuditConfig.model_validate({**values, **changes})


def auditor_of(plan: Plan, threads: int = 1) -> Auditor:
    """The worker's model for a plan."""
    config, model = plan.config, plan.facts["model"]
    return Auditor(
        AuditorSettings(
            model=config.model,
            weights=config.weights,
            digest=model["digest"],
            target_layer=model["target_layer"],
            unit_layers=config.further_layers,
            methods=config.methods,
            target=config.target,
            exact=config.exact,
            num_classes=model["num_classes"],
            preprocessing=plan.facts["preprocessing"],
            batch_size=config.batch_size,
            top_k=config.top_k,
            device="cpu",
            threads=threads,
        )
    )


def run_audit(config: AuditConfig) -> RunFolder:
    """Both passes over every shard that is not done, and all tables: everything but the report."""
    plan = plan_audit(config)
    write_plan(plan)
    auditor = auditor_of(plan)
    for shard in plan.shards:
        if valid_record(plan.run, shard) is None:
            explain_shard(auditor, config.out, shard)
    mine_units(plan.run, len(plan.shards))
    merge_class_stats(plan.run, len(plan.shards))
    merge_images(plan.run, len(plan.shards))
    merge_localization(plan.run, len(plan.shards))
    write_shared_units(plan.run)
    second_pass = plan_second_pass(plan.run, config.second_pass, plan.earlier)
    write_second_pass_plan(plan.run, second_pass)
    if plan.earlier is not None:
        take_shards(plan.run, second_pass.shards, plan.earlier)
    for shard in second_pass.shards:
        if valid_record(plan.run, shard) is None:
            intervene_on_shard(auditor, config.out, shard)
    write_verdicts(plan.run, second_pass)
    write_clusters(plan.run)
    write_driven_units(plan.run, len(plan.shards))
    write_findings(plan.run)
    return plan.run


def table(run: RunFolder, name: str) -> pd.DataFrame:
    """A whole table, read file by file with pyarrow alone."""
    files = sorted((run.root / "tables" / name).glob("*.parquet"))
    return pd.concat([pq.read_table(f).to_pandas() for f in files], ignore_index=True)
