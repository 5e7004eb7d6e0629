"""`camaudit explain` as a user calls it."""

import math
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from tests import reference
from tests.reports.page import Page
from tests.tasks.tiny_explain import input_of, model_of, write_world

NAMES = ("ape", "bee", "crane", "crane", "dog", "<eel> & co", "fox")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("cli"))


def call(world: Path, out: Path, *arguments: str) -> Result:
    fixed = ("--model", f"{world / 'model.py'}:build", "--classes", str(world / "classes.csv"))
    return CliRunner().invoke(
        app, ["explain", *arguments, *fixed, "--device", "cpu", "--out", str(out)]
    )


def test_the_page_holds_the_models_softmax(world: Path, tmp_path: Path) -> None:
    files = [world / "a/1.png", world / "b/1.png"]
    result = call(world, tmp_path / "out", *map(str, files), "--class", "fox", "--class", "0")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{tmp_path.resolve() / 'out' / 'index.html'}\n"
    page = Page(tmp_path / "out" / "index.html")
    for file in files:
        logits = reference.logits_of(model_of(world), input_of(file))[0]
        exps = [math.exp(value) for value in logits]
        order = sorted(range(7), key=lambda c: -logits[c])
        for class_idx in {*order[:5], 6, 0}:
            percent = f"{100 * exps[class_idx] / sum(exps):.1f} %"
            assert f"{NAMES[class_idx]} {percent}" in page.text
    assert "Every method: fox" in page.text and "Every method: ape" in page.text


def test_what_is_not_wanted_is_left_out(world: Path, tmp_path: Path) -> None:
    file = str(world / "a/1.png")
    flags = ("--no-sanity", "--method", "layercam", "--top-k", "2", "--layer", "pool")
    result = call(world, tmp_path / "out", file, *flags, "--target", "probability")
    assert result.exit_code == 0, result.output
    page = Page(tmp_path / "out" / "index.html")
    assert "Sanity check" not in page.text and "Grad-CAM++" not in page.text
    assert "Feature maps of pool" in page.text and "Feature maps of relu" not in page.text
    assert "rank 2" in page.text and "rank 3" not in page.text
    assert "from the probability of" in page.text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.png"], ["missing.png", "FileNotFoundError"]),
        (["classes.csv"], ["classes.csv", "not an image"]),
        (["a/1.png", "--class", "snake"], ["'snake' is unknown"]),
        (["a/1.png", "--method", "guess"], ["'guess' is unknown"]),
        (["a/1.png", "--target-layer", "conv9"], ["'conv9' is unknown"]),
        (["a/1.png", "--layer", "head"], ["'head'", "no grid"]),
        (["a/1.png", "--mean", "1,2"], ["--mean", "three numbers"]),
        (["a/1.png", "--top-k", "0"], ["top_k"]),
    ],
)
def test_a_mistake_is_told_and_nothing_written(
    world: Path, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    file, *flags = arguments
    result = call(world, tmp_path / "out", str(world / file), *flags)
    assert result.exit_code == 1, result.output
    assert "Error:" in result.stderr and "Traceback" not in result.output
    for word in words:
        assert word in result.stderr
    assert not (tmp_path / "out").exists()


def test_no_model(world: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["explain", str(world / "a/1.png")])
    assert result.exit_code == 1
    assert "--model" in result.stderr


def test_other_work_is_refused_before_the_model_is_read(world: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    result = call(world, tmp_path, str(world / "a/1.png"))
    assert result.exit_code == 1
    assert "holds no view" in result.stderr and "Reading" not in result.stderr
