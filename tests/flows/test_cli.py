"""The command line: what it says, and that a mistake stops it before any work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner, Result

from flows.cli import app
from tasks.config import AuditConfig
from tests.flows.conftest import SmallDataset, camaudit


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def assert_refused(result: Result, out: Path, *words: str) -> None:
    """One clear error, no traceback, nothing written."""
    assert result.exit_code == 1, result.output
    assert "Error:" in result.stderr
    assert "Traceback" not in result.output
    for word in words:
        assert word in result.stderr
    assert not out.exists()


def test_the_command_line_starts_without_what_takes_seconds_to_import() -> None:
    found = "{'torch', 'torchvision', 'prefect', 'distributed', 'pandas', 'cv2'} & {*sys.modules}"
    script = f"import sys, flows.cli; sys.exit(', '.join({found}))"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert told.stderr.strip() == ""


def test_layers_marks_the_default() -> None:
    result = call("layers", "torchvision:squeezenet1_0")
    assert result.exit_code == 0
    marked = [line for line in result.output.splitlines() if "default" in line]
    assert len(marked) == 1
    assert [cell.strip() for cell in marked[0].strip("│").split("│")][:4] == [
        "features", "Sequential", "512", "13 x 13",
    ]  # fmt: skip


def test_layers_shows_the_grid_and_the_layout_of_tokens() -> None:
    result = call("layers", "timm:vit_tiny_patch16_224")
    assert result.exit_code == 0
    (marked,) = [line for line in result.output.splitlines() if "default" in line]
    assert [cell.strip() for cell in marked.strip("│").split("│")] == [
        "blocks.11.norm1", "LayerNorm", "192", "14 x 14", "1 + tokens", "default",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--model", "torchvision:resnet19"], ["'resnet19' is unknown", "closest: 'resnet18'"]),
        (["--model", "resnet18"], ["of no known kind", "torchvision:NAME"]),
        (["--target-layer", "features.9"], ["'features.9' is unknown", "camaudit layers"]),
        (["--target-layer", "head"], ["'head'", "which is no grid", "camaudit layers"]),
        (["--method", "scorcam"], ["method 'scorcam' is unknown", "gradcam++"]),
        (["--mean", "0.5,0.5"], ["--mean", "three numbers"]),
        (["--crop", "64"], ["crop 64 is larger than resize 32"]),
        (["--std", "0,1,1"], ["std", "above 0"]),
        (["--shard-size", "0"], ["shard_size", "greater than 0"]),
        (["--images", "/nonexistent"], ["'/nonexistent' do not exist"]),
        (["--weights", "/nonexistent.pth"], ["/nonexistent.pth does not exist"]),
    ],
)
def test_a_wrong_flag_stops_before_any_work(
    small_dataset: SmallDataset, tmp_path: Path, flags: list[str], words: list[str]
) -> None:
    out = tmp_path / "run"
    assert_refused(call(*small_dataset.arguments(out, *flags)), out, *words)


def test_weights_that_do_not_fit(small_dataset: SmallDataset, tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save({"features.0.weight": torch.zeros(8, 3, 5, 5), "other": torch.zeros(1)}, file)
    out = tmp_path / "run"
    result = call(*small_dataset.arguments(out, "--weights", str(file)))
    assert_refused(result, out, "do not fit", "features.0.weight", "(8, 3, 3, 3)", "(8, 3, 5, 5)")


def test_folders_that_are_not_the_classes(small_dataset: SmallDataset, tmp_path: Path) -> None:
    for name in ("blue", "green"):
        (tmp_path / "images" / name).mkdir(parents=True)
        os.link(small_dataset.images / name / "0.png", tmp_path / "images" / name / "0.png")
    out = tmp_path / "run"
    result = call(*small_dataset.arguments(out, "--images", str(tmp_path / "images")))
    assert_refused(
        result, out, "2 class folders", "3 outputs", "--classes", "class_idx,name,folder"
    )


def test_an_empty_folder(small_dataset: SmallDataset, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    out = tmp_path / "run"
    result = call(*small_dataset.arguments(out, "--images", str(tmp_path / "images")))
    assert_refused(result, out, "no image found", "a folder of images per class")


def test_a_folder_that_is_no_audit_is_left_alone(
    small_dataset: SmallDataset,
    tmp_path_factory: pytest.TempPathFactory,
    environment: dict[str, str],
) -> None:
    work = tmp_path_factory.mktemp("work")
    (work / "thesis.tex").write_text("years of work")
    # In a process of its own: what Prefect logs of the failing flow must not be seen either.
    done = camaudit(*small_dataset.arguments(work), environment=environment)
    shown = call("report", str(work))
    for status, errors in ((done.returncode, done.stderr), (shown.exit_code, shown.output)):
        assert status == 1
        assert "no audit" in errors or "not the folder of an audit" in errors
        assert "Traceback" not in errors
    assert [file.name for file in work.iterdir()] == ["thesis.tex"]


def test_every_key_of_the_configuration_has_its_flag() -> None:
    shown = call("run", "--help").output
    for key in AuditConfig.model_fields:
        flag = key.replace("_", "-").replace("roots", "root")  # given once for each
        assert f"--{flag} " in shown
