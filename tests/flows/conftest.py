"""A small dataset with a model of its own, and the command line as a user would call it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from prefect.testing.utilities import prefect_test_harness

from flows.audit import audit
from tasks.tables.table_names import BACKGROUND_TABLES, MERGED_TABLES, SHARD_TABLES

MODEL = """
import os, time
import torch
from torch import nn

class Net(nn.Module):
    preprocessing = {"resize": 32, "crop": 32, "mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 12, 3, stride=2, padding=1), nn.BatchNorm2d(12), nn.ReLU(inplace=True))
        self.head = nn.Linear(12, 3)

    def forward(self, x):
        if mark := os.environ.get("FORWARD_MARK"):
            open(mark, "w").close()
        time.sleep(float(os.environ.get("SLOW_FORWARD", "0")))
        return self.head(self.features(x).mean((2, 3)))

def build():
    torch.manual_seed(0)
    return Net()
"""

MAY_BE_EMPTY = (
    "failures", "findings", "context_risks", "localization", "localization_stats",
    "localization_curves", "near_duplicates", "shared_units", "driven_units",
)  # fmt: skip


@dataclass(frozen=True)
class SmallDataset:
    """24 images in three class folders, and a model file."""

    images: Path
    model: str

    def config(self, out: Path, **other: Any) -> dict[str, Any]:
        """Keys of AuditConfig."""
        own = {"images": str(self.images), "model": self.model, "out": str(out), "second_pass": 4}
        return {**own, **other}

    def arguments(self, out: Path, *flags: str) -> list[str]:
        """The same for the command line."""
        where = ["--images", str(self.images), "--model", self.model, "--out", str(out)]
        return ["run", *where, "--device", "cpu", "--second-pass", "4", *flags]


@pytest.fixture(scope="session")
def small_dataset(tmp_path_factory: pytest.TempPathFactory) -> SmallDataset:
    return draw_small_dataset(tmp_path_factory.mktemp("small"))


def draw_small_dataset(root: Path, per_class: int = 8) -> SmallDataset:
    """Blue, green and red squares, and the model's file."""
    generator = np.random.default_rng(0)
    for class_idx, name in enumerate(("blue", "green", "red")):
        (root / "images" / name).mkdir(parents=True)
        for i in range(per_class):
            pixels = generator.integers(0, 120, (40, 48, 3)).astype(np.uint8)
            pixels[10:30, 10:30, class_idx] += 120
            cv2.imwrite(str(root / "images" / name / f"{i}.png"), pixels)
    (root / "model.py").write_text(MODEL)
    return SmallDataset(root / "images", f"{root / 'model.py'}:build")


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """One Prefect server with a database of its own for all flow tests."""
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture(scope="session")
def undisturbed(
    small_dataset: SmallDataset, prefect_server: None, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An audit of one shard by one worker; tests must not change it."""
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    audit(small_dataset.config(out, device="cpu", workers=1))
    return out


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Variables for the command line in a process of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "DASK_"))}
    return {**kept, "PREFECT_HOME": str(tmp_path / "prefect")}


def camaudit(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


def start_camaudit(*arguments: str, environment: dict[str, str]) -> "subprocess.Popen[str]":
    """Start the command line as the leader of a process group, as a shell does."""
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *arguments],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def assert_same_tables(one: Path, other: Path) -> None:
    """All tables of two runs are equal to the last bit, whatever their shards."""
    for name in (*SHARD_TABLES, *MERGED_TABLES, "evidence", *BACKGROUND_TABLES):
        left, right = (pd.read_parquet(run / "tables" / name) for run in (one, other))
        assert len(left) > 0 or name in MAY_BE_EMPTY
        pd.testing.assert_frame_equal(left, right, check_exact=True, obj=name)
