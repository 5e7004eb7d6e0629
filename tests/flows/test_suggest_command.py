"""`camaudit suggest`: what it prints and writes, and what it says of bad input."""

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from tests.tasks.suggested_run import draws, seen, write_suggested_run


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["suggest", *map(str, arguments)])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Ten boats on water, two on land; two mugs on water, one taken for a boat; ten on land."""
    rows = [seen(i, 1, 1, "water" if i < 10 else "land") for i in range(12)]
    rows += [seen(12, 0, 1, "water"), seen(13, 0, 0, "water")]
    rows += [seen(i, 0, 0, "land") for i in range(14, 24)]
    return write_suggested_run(tmp_path / "run", rows, [draws(1, "water")]).root


def test_the_list_and_what_is_said_of_it(run: Path) -> None:
    result = call(run)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    file = run / "exports" / "suggestions.csv"
    assert lines[-1] == str(file.resolve())
    assert (
        "- mug in scene = water has 2 images: collect 8 more, as many as boat has there (10)"
        in (lines)
    )
    assert any("scene = water → boat" in line and "augment" in line and "11" in line
               for line in lines)  # fmt: skip
    assert pd.read_csv(file)["action"].value_counts().to_dict() == {"augment": 11, "collect": 3}
    assert call(run).exit_code == 0  # over its own list


def test_another_file_and_fewer_images(run: Path, tmp_path: Path) -> None:
    assert call(run, "--out", tmp_path / "x.parquet", "--per-finding", 1).exit_code == 0
    assert len(pd.read_parquet(tmp_path / "x.parquet")) == 2
    assert not (run / "exports").exists()


def test_nothing_found(tmp_path: Path) -> None:
    run = write_suggested_run(tmp_path / "run", [seen(i, 1, 1, "any") for i in range(4)]).root
    result = call(run)
    assert result.exit_code == 0
    assert "No finding is confirmed" in result.output and "the list is empty" in result.output
    assert len((run / "exports" / "suggestions.csv").read_text().splitlines()) == 1


def test_bad_input(run: Path, tmp_path: Path) -> None:
    for arguments, words in (
        ([tmp_path], "is not the folder of an audit"),
        ([run, "--out", tmp_path / "s.xlsx"], "expected .csv or .parquet"),
        ([run, "--out", run / "tables" / "s.csv"], "is a part of the audit"),
        ([run, "--per-finding", 0], "at least 1 image"),
        ([run, "--out", "/proc/s.csv"], "cannot be written"),
    ):
        result = call(*arguments)
        assert result.exit_code == 1
        assert words in result.output.replace("\n", " ")
    assert not (run / "exports").exists()
