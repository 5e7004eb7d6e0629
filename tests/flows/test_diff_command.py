"""`camaudit diff`: what it prints and writes, and what it says of folders that are no audits."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from tests.tasks.compared_runs import image, write_run


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["diff", *map(str, arguments)])


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    a = [image(f"/a/{i}.png", 0, 0) for i in range(20)]
    b = [image(f"/a/{i}.png", 0, 0 if i < 5 else 1) for i in range(20)]
    return write_run(tmp_path / "mon", a).root, write_run(tmp_path / "tue", b).root


def test_it_says_what_changed_and_writes_beside_the_second_run(runs: tuple[Path, Path]):
    result = call(*runs)
    assert result.exit_code == 0
    assert "20 images in both, 0 only in A, 0 only in B" in result.output
    assert "ant lost 75.0 points of accuracy" in result.output
    page = runs[1] / "diff-mon" / "index.html"
    assert result.output.splitlines()[-1] == str(page.resolve())
    assert page.exists()
    assert call(*runs).exit_code == 0  # over its own earlier page


def test_it_writes_where_it_is_told(runs: tuple[Path, Path], tmp_path: Path):
    assert call(*runs, "--out", tmp_path / "here").exit_code == 0
    assert (tmp_path / "here" / "quantities.parquet").exists()
    assert not (runs[1] / "diff-mon").exists()


def test_folders_that_are_no_audits(runs: tuple[Path, Path], tmp_path: Path):
    result = call(runs[0], tmp_path)
    assert result.exit_code == 1
    assert "is not the folder of an audit" in result.output
    assert "given twice" in call(runs[0], runs[0]).output
