"""`camaudit graph`: what it prints, and what it says when something is missing."""

import re
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typer.testing import CliRunner, Result

from flows.cli import app

NET = """
import torch
from torch import nn
class Net(nn.Module):
    preprocessing = {"crop": 32}
    def __init__(self):
        super().__init__()
        self.a_first_stage = nn.ModuleDict({"a_block_in_it": nn.ModuleDict({
            "a_convolution": nn.Conv2d(3, 8, (3, 5), stride=2, padding=(1, 2)),
            "a_bracket": nn.Sequential(nn.ReLU(), nn.Conv2d(8, 8, 1)),
            "an_unused_layer": nn.Linear(8, 2)})})
        self.memory = nn.LSTM(8, 3, batch_first=True)
    def forward(self, x):
        block = self.a_first_stage["a_block_in_it"]
        y = block["a_bracket"](block["a_bracket"](block["a_convolution"](x)))
        y = self.memory(y.flatten(2).transpose(1, 2))[0][:, -1]
        return RESULT
build = Net
"""
BLOCK = "a_first_stage.a_block_in_it"
EXPECTED = [  # layer, kind, output, parameters, multiply-adds, field / stride
    [f"{BLOCK}.a_convolution", "Conv2d", "8 x 16 x 16", "368", "92.16 k", "3x5 / 2"],
    [f"{BLOCK}.a_bracket.0", "ReLU ×2", "8 x 16 x 16", "3x5 / 2"],
    [f"{BLOCK}.a_bracket.1", "Conv2d ×2", "8 x 16 x 16", "72", "32.77 k", "3x5 / 2"],
    ["memory", "LSTM", "256 x 3", "156", "?"],
    [f"{BLOCK}.an_unused_layer", "Linear", "never called", "18"],
    ["total", "5 layers", "614", "124.9 k"],
]


@pytest.fixture
def model(tmp_path: Path) -> str:
    return write(tmp_path, "y")


def write(folder: Path, result: str) -> str:
    (folder / "model.py").write_text(NET.replace("RESULT", result))
    return f"{folder / 'model.py'}:build"


def call(*arguments: str, columns: int = 110, terminal: bool = False) -> Result:
    colours = {"FORCE_COLOR": "1"} if terminal else {}
    environment = {"COLUMNS": str(columns), "TERM": "xterm", **colours}
    return CliRunner().invoke(app, ["graph", *arguments], env=environment)


def lines_of(result: Result) -> list[str]:
    return re.sub(r"\x1b\[[0-9;]*m", "", result.stdout).splitlines()


def cells_of(result: Result) -> list[list[str]]:
    """Rows of the table below its head, their cells as printed."""
    lines = lines_of(result)
    head = next(i for i, line in enumerate(lines) if line.strip().startswith("layer "))
    rows = [re.split(r" {2,}", line.strip()) for line in lines[head + 1 :]]
    return [row for row in rows if len(row) > 1]


def test_the_table_and_the_events(model: str, tmp_path: Path) -> None:
    result = call(model, "--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    assert cells_of(result) == EXPECTED
    assert "on 3 x 32 x 32" in result.stdout
    assert "Not in the total: the products of memory" in result.stderr
    assert f"tensorboard --logdir {tmp_path / 'out'}" in result.stderr
    events = Path(lines_of(result)[-1])
    assert events.is_absolute()
    nodes = EventAccumulator(str(events.parent)).Reload().Graph().node
    assert sum(node.op == "aten::_convolution" for node in nodes) == 3


def test_names_stay_whole_in_a_pipe_and_break_at_dots_in_a_terminal(
    model: str, tmp_path: Path
) -> None:
    out = str(tmp_path / "out")
    assert cells_of(call(model, "--out", out, columns=40)) == EXPECTED
    shown = lines_of(call(model, "--out", out, columns=92, terminal=True))
    assert max(map(len, shown[:20])) <= 92
    block = [line for line in shown if line.strip().startswith((BLOCK, "."))]
    assert [line.split()[0] for line in block] == [
        BLOCK, ".a_convolution", BLOCK, ".a_bracket.0", BLOCK, ".a_bracket.1",
        BLOCK, ".an_unused_layer",
    ]  # fmt: skip


def test_another_crop(model: str, tmp_path: Path) -> None:
    result = call(model, "--crop", "64", "--out", str(tmp_path / "out"))
    assert "on 3 x 64 x 64" in result.stdout
    assert cells_of(result)[0][2:5] == ["8 x 32 x 32", "368", "368.6 k"]  # 8 x 32² x 45


@pytest.mark.parametrize("result", ["(y, y)", "{'logits': y, 'more': y}"])
def test_a_model_that_returns_more_than_logits(tmp_path: Path, result: str) -> None:
    shown = call(write(tmp_path, result), "--out", str(tmp_path / "out"))
    assert shown.exit_code == 0 and cells_of(shown) == EXPECTED
    assert "Warning" not in shown.stderr and Path(lines_of(shown)[-1]).is_file()


def test_a_model_that_cannot_be_traced_keeps_its_table(tmp_path: Path) -> None:
    shown = call(write(tmp_path, "{'a': y, 'b': [y, '[bold]']}"), "--out", str(tmp_path / "out"))
    assert shown.exit_code == 0 and cells_of(shown) == EXPECTED
    assert "Warning: TensorBoard's tracer cannot follow" in shown.stderr
    assert "Error" not in shown.stdout


def test_without_tensorboard_the_table_is_printed_all_the_same(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    result = call(model, "--out", str(tmp_path / "out"))
    assert result.exit_code == 1 and cells_of(result) == EXPECTED
    assert "pip install 'camaudit[tensorboard]'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["torchvision:resnet19"], ["'resnet19' is unknown", "closest: 'resnet18'"]),
        (["resnet18"], ["of no known kind"]),
        (["torchvision:alexnet", "--crop", "8"], ["fails on an input of 3 x 8 x 8", "--crop"]),
        (["torchvision:alexnet", "--crop", "0"], ["crop is 0"]),
        (["torchvision:alexnet", "--weights", "absent.pth"], ["absent.pth does not exist"]),
    ],
)
def test_what_a_user_can_mend(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    result = call(*arguments, "--out", str(tmp_path / "out"))
    assert result.exit_code == 1 and "Traceback" not in result.output
    assert not (tmp_path / "out").exists() and result.stdout == ""
    for word in ["Error:", *words]:
        assert word in result.stderr


def test_a_folder_that_cannot_be_made(model: str, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    result = call(model, "--out", str(tmp_path / "taken"))
    assert result.exit_code == 1 and cells_of(result) == EXPECTED
    assert "Error:" in result.stderr and "taken" in result.stderr
