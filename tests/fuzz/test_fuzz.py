"""A few files of each kind, the same each time; `python -m tests.fuzz` tries as many as it may."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.data import IMAGES
from tests.fuzz.targets import WEIGHTS, Target, examine, targets

NAMES = (
    "CSV manifest", "Parquet manifest", "COCO json", "class list", "configuration", "policy",
    "exported program", *(f"{kind} image" for kind in IMAGES), *(f"{s} weights" for s in WEIGHTS),
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Target]]:
    folder = tmp_path_factory.mktemp("fuzz")
    return folder, targets(folder)


@pytest.mark.parametrize("name", NAMES)
def test_changed_files(place: tuple[Path, dict[str, Target]], name: str) -> None:
    folder, found = place
    assert sorted(found) == sorted(NAMES)
    examine(found[name], folder, found[name].examples)


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is for Linux only")
def test_changed_images_that_reach_more_of_the_decoders(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz.decoders", "--runs", "2000"]
    done = subprocess.run(
        command, env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Done 2000 runs" in done.stderr
