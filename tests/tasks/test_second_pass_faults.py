"""Datasets at the edge: every one ends in a report that says what it can and no more."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reports.build import build_report
from tasks.tables.storage import RunFolder
from tests.reports.page import Page
from tests.tasks.planted_scenes import (
    GREEN_SHORTCUT,
    SIDE,
    Scene,
    scene_audit,
    shortcut_scenes,
)
from tests.tasks.tiny_audit import run_audit, table, write_model

# Words that only a missing number leaves on a page; "None" may begin a sentence.
LEFT_OVER = re.compile(r"\bnan\b|\binf\b|\bNone\b(?!:| of)|\bundefined\b|\{\{|\}\}|-?0\.0+e")


@dataclass(frozen=True)
class Case:
    """A dataset at the edge.

    scenes : in the order of their ids
    changes : of the configuration
    spoil : what is done to the files before the audit
    """

    scenes: list[Scene]
    changes: dict[str, Any]
    spoil: Callable[[Path], None] = lambda folder: None


def audited(folder: Path, case: Case) -> tuple[RunFolder, dict[str, str]]:
    """The run, and the words of every page of its report."""
    config = scene_audit(folder, case.scenes, GREEN_SHORTCUT, **case.changes)
    case.spoil(folder / "scenes")
    run = run_audit(config)
    pages = build_report(run.root).parent
    words = {
        str(file.relative_to(pages)): Page(file).text for file in sorted(pages.rglob("*.html"))
    }
    for name, text in words.items():
        found = LEFT_OVER.search(text)
        assert found is None, f"{name}: ...{text[max(0, found.start() - 80) : found.end() + 40]}..."
    return run, words


def masks_of(value: int) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        Image.fromarray(np.full((SIDE, SIDE), value, np.uint8)).save(folder / "mask.png")

    return spoil


def unreadable(*image_ids: int) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        for image_id in image_ids:
            (folder / f"{image_id:03d}.png").write_bytes(b"no picture")

    return spoil


def without_labels(folder: Path) -> None:
    manifest = folder / "manifest.csv"
    manifest.write_text(re.sub(r"\.png,\d,", ".png,,", manifest.read_text()))


SCENES = shortcut_scenes(3, 3)
RIGHT, WRONG = SCENES[:9], SCENES[9:]
UNTESTED = {"second_pass": 0.01}


@pytest.mark.parametrize(
    ("case", "tested", "said"),
    [
        (Case([*RIGHT[:3], *RIGHT[3:5], *WRONG], {}), 11, "driven by the background"),
        (Case(RIGHT, {}), 9, "There is no mistake to explain."),
        (Case(WRONG, {}), 6, "0 tested of 0 correct predictions"),
        (Case([s for s in SCENES if s.label == 0], {}), 6, "driven by the background"),
        (Case(RIGHT[:1], {}), 1, "There is no mistake to explain."),
        (Case(WRONG[:1], {}), 1, "No mistake was among them."),
        (Case(SCENES, {}, unreadable(1, 5, 10)), 12, "driven by the background"),
    ],
    ids=["one of a class", "no mistakes", "only mistakes", "one class", "one right image",
         "one wrong image", "unreadable"],
)  # fmt: skip
def test_what_can_be_tested_is(tmp_path: Path, case: Case, tested: int, said: str) -> None:
    run, pages = audited(tmp_path, case)
    verdicts = table(run, "verdicts")
    assert verdicts["stratum"].notna().sum() == len(verdicts) == tested
    assert said in pages["background.html"]
    assert ("strips-1.html" in pages) == (not verdicts["correct"].all())
    assert "None of 0" not in pages["index.html"] and "–, –" not in pages["limits.html"]


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (Case(SCENES, {}, masks_of(0)), "no image had an object and a background"),
        (Case(SCENES, {}, masks_of(255)), "no image had an object and a background"),
        (Case(SCENES, UNTESTED), "0.01 forwards for each of 15 labelled images do not pay"),
        (Case(SCENES, {"second_pass": 0}), "The second pass is off."),
    ],
    ids=["empty masks", "full masks", "tiny budget", "switched off"],
)
def test_where_nothing_was_tested_the_report_says_why(
    tmp_path: Path, case: Case, reason: str
) -> None:
    run, pages = audited(tmp_path, case)
    assert not run.second_pass_file.exists()
    verdicts = table(run, "verdicts")
    assert verdicts["stratum"].isna().all()
    assert set(verdicts["verdict"]) <= {"suspected", "undetermined"}
    assert not set(table(run, "findings")["kind"]) - {"tag", "context", "slice"}
    assert reason in pages["background.html"]
    assert ("The second pass is off." in pages["background.html"]) == ("off" in reason)
    assert "Not background" not in pages["background.html"]  # never said without a test
    assert "No second pass was run" in pages["limits.html"]
    assert not [name for name in pages if name.startswith(("strips", "leaning"))]


@pytest.mark.parametrize("read", [True, False], ids=["read", "unreadable"])
def test_without_labels_there_are_no_verdicts(tmp_path: Path, read: bool) -> None:
    spoil = without_labels if read else unreadable(*range(len(SCENES)))
    run, pages = audited(tmp_path, Case(SCENES, {}, spoil))
    for name in ("verdicts", "background_stats", "findings", "context_risks"):
        assert len(table(run, name)) == 0, name
    assert (len(table(run, "context_clusters")) > 0) == read
    assert "background.html" not in pages and not run.second_pass_file.exists()
    missing = (
        "No image has a label: there is no mistake to test" if read else "No image was audited"
    )
    assert missing in pages["limits.html"]


TWO_CLASSES = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells, self.fc = nn.Conv2d(3, 4, 4, stride=4), nn.Linear(4, 2)
        self.cells.weight.data = torch.eye(4)[:, :3, None, None].repeat(1, 1, 4, 4) / 16
        self.cells.bias.data.fill_(2.0)
        self.fc.weight.data = torch.tensor([[2.0, -1.0, 0.0, 0.0], [-2.0, 1.0, 0.0, 0.0]])
        self.fc.bias.data.zero_()

    def forward(self, x):
        return self.fc(torch.relu(self.cells(x)).mean(dim=(2, 3)))

def build():
    model = Net()
    model.preprocessing = {"resize": 32, "crop": 32, "mean": (0.5,) * 3, "std": (0.25,) * 3}
    return model
"""


def test_a_model_with_two_classes_has_no_others_to_lend(tmp_path: Path) -> None:
    scenes = [replace(scene, label=min(scene.label, 1)) for scene in SCENES]
    model = write_model(tmp_path / "two", TWO_CLASSES)
    run, pages = audited(tmp_path, Case(scenes, {"model": model}))
    evidence = table(run, "evidence")
    assert "donor_other" not in set(evidence["intervention"])
    assert {"donor_predicted", "donor_against"} <= set(evidence["intervention"])
    verdicts = table(run, "verdicts")
    assert verdicts["right_replaced"].notna().all() and verdicts["held"].notna().all()
    assert not [text for text in pages.values() if "Background of other classes" in text]
