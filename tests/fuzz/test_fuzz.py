"""A few files of each kind, the same each time; `python -m tests.fuzz` tries as many as it may."""

from pathlib import Path

import pytest

from tests.fuzz.targets import IMAGES, WEIGHTS, Target, examine, targets

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
