"""`camaudit units`, from the command line to the page."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from tasks.views.synthetic_config import SyntheticConfig
from tests.flows.conftest import SmallDataset


def units(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["units", *arguments])


def test_page_and_numbers_of_a_model_file(small_dataset: SmallDataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    quick = ["--size", "16", "--steps", "5", "--out", str(out)]
    result = units(
        small_dataset.model, "--layer", "features", "--units", "0,3,7", "--classes", "1,2", *quick
    )
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(out / "index.html")
    groups = json.loads((out / "view.json").read_text())["groups"]
    assert [[row["index"] for row in group["pictures"]] for group in groups] == [[0, 3, 7], [1, 2]]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "nothing to draw"),
        (["--layer", "featurs"], "closest: 'features'"),
        (["--layer", "features", "--units", "12"], "unit 12 is not in layer 'features'"),
        (["--layer", "features", "--units", "1;2"], "expected numbers as in 0,3,7; got '1;2'"),
        (["--classes", "3"], "expected 0 to 2"),
        (["--classes", "1", "--mean", "0.5,0.5"], "--mean"),
        (["--layer", "features", "--steps", "0"], "--steps"),
    ],
)
def test_a_wrong_flag_is_told_plainly(
    small_dataset: SmallDataset, tmp_path: Path, flags: list[str], words: str
) -> None:
    out = tmp_path / "out"
    result = units(small_dataset.model, "--size", "16", "--out", str(out), *flags)
    assert result.exit_code == 1
    assert "Error:" in result.stderr and words in result.stderr
    assert "Traceback" not in result.output
    assert not out.exists()


def test_other_work_is_refused_before_the_climb(
    small_dataset: SmallDataset, tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    result = units(small_dataset.model, "--classes", "1", "--out", str(tmp_path))
    assert result.exit_code == 1
    assert "holds no view" in result.stderr
    assert "Reading" not in result.stderr


def test_every_key_of_the_configuration_has_its_flag() -> None:
    shown = units("--help").output
    for key in SyntheticConfig.model_fields.keys() - {"model"}:
        assert f"--{key.replace('_', '-')}" in shown
