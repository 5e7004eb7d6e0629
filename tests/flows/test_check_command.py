"""`camaudit check`: its exit status, what it prints and what a flow makes of it."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows.check_artifact import check_artifact_markdown
from flows.cli import app
from tasks.check.check import check_run
from tasks.check.policy import load_policy
from tests.tasks.compared_runs import image, write_run

POLICY = """
[[limit]]
metric = "accuracy"
of = "class"
at_least = {least}

[[limit]]
metric = "object_energy"
at_least = 0.2
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    rows = [image(f"/a/{i}.png", 0, 0 if i < 12 else 1) for i in range(20)]
    return write_run(tmp_path / "run", rows, classes=["ant|x", "bee", "cat"]).root


def policy(run: Path, least: float) -> Path:
    file = run.parent / f"policy-{least}.toml"
    file.write_text(POLICY.format(least=least))
    return file


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["check", *map(str, arguments)], env={"COLUMNS": "200"})


def test_status_0_where_all_limits_are_kept(run: Path, tmp_path: Path):
    result = call(run, "--policy", policy(run, 0.5), "--junit", tmp_path / "out" / "j.xml")
    assert result.exit_code == 0
    assert "0 broken, 1 not judged, 1 kept" in result.output
    assert "Not judged: object_energy of all, 1 subject: no image has" in result.output
    assert ElementTree.parse(tmp_path / "out" / "j.xml").getroot().get("tests") == "2"


def test_status_1_where_one_is_broken(run: Path, tmp_path: Path):
    result = call(run, "--policy", policy(run, 0.7), "--junit", tmp_path / "j.xml")
    assert result.exit_code == 1
    for words in ("ant|x", "0.600 [0.387, 0.781]", "value at least 0.7", "20 images", "1 broken"):
        assert words in result.output
    assert ElementTree.parse(tmp_path / "j.xml").getroot().get("failures") == "1"


def test_status_2_for_bad_input(run: Path, tmp_path: Path):
    for arguments, message in (
        ((tmp_path / "none", "--policy", policy(run, 0.5)), "is not the folder of an audit"),
        ((run, "--policy", tmp_path / "none.toml"), "cannot be read as TOML"),
        ((run, "--policy", policy(run, 50)), "share in [0, 1]"),
        ((run, "--policy", policy(run, 0.5), "--against", run), "given twice"),
        ((run, "--policy", policy(run, 0.5), "--junit", run), "cannot be written"),
        ((run, "--policy", policy(run, 0.5), "--junit", run / "audit.json"), "part of the audit"),
    ):
        result = call(*arguments)
        assert result.exit_code == 2
        assert message in " ".join(result.output.split())


def test_an_artifact_for_a_flow(run: Path):
    from tasks.tables.storage import RunFolder

    broken = check_run(RunFolder(run), load_policy(policy(run, 0.7)))
    told = check_artifact_markdown(broken)
    assert told.startswith("# Policy broken\n")
    assert (
        "| accuracy of class | ant\\|x | 0.600 [0.387, 0.781] | value at least 0.7 | 20 images |"
        in told
    )
    assert "## Not judged" in told and "1 broken, 1 not judged, 0 kept." in told
    kept = check_artifact_markdown(check_run(RunFolder(run), load_policy(policy(run, 0.5))))
    assert kept.startswith("# Policy kept\n") and "## Broken" not in kept
