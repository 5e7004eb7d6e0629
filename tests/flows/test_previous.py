"""`camaudit run --previous` where nothing has changed: everything is linked, without Prefect."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from reports.build import build_report
from tasks.index.plan import plan_audit
from tasks.tables.completion import mark_complete
from tasks.tables.storage import RunFolder
from tests.tasks.tiny_audit import configure, draw_folders, run_audit


@pytest.fixture(scope="module")
def last(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished audit of nine images in three shards, report and all."""
    folder = tmp_path_factory.mktemp("last")
    config = configure(folder, draw_folders(folder / "pics", 3), shard_size=3)
    run = run_audit(config)
    build_report(run.root)
    mark_complete(run, plan_audit(config).shards, config.second_pass)
    return run


def go_on(last: RunFolder, out: Path, *flags: str) -> Result:
    config = last.audit()["config"]
    same = ("images", "model", "device", "batch_size", "shard_size", "unit_top_k", "top_k")
    words = [w for key in same for w in (f"--{key.replace('_', '-')}", str(config[key]))]
    return CliRunner().invoke(
        app, ["run", *words, "--out", str(out), "--previous", str(last.root), *flags]
    )


def test_everything_is_linked_and_the_report_says_so(last: RunFolder, tmp_path: Path) -> None:
    before = {f: f.read_bytes() for f in last.root.rglob("*") if f.is_file()}
    done = go_on(last, tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    assert "Nothing has changed since" in done.stderr
    assert done.stdout.strip() == str(tmp_path / "run" / "report" / "index.html")
    run, own = RunFolder(tmp_path / "run"), {
        "audit.json", "complete.json", "limits.html", "differences.html",
    }  # fmt: skip
    for file in before:
        if file.name not in own:
            assert os.path.samefile(file, run.root / file.relative_to(last.root)), file
    limits = (run.report_file.parent / "limits.html").read_text()
    assert "0 of 3 shards, 0 of 9 images computed; the rest taken from" in limits
    assert {f: f.read_bytes() for f in before} == before, "the earlier run is as it was"
    again = go_on(last, tmp_path / "run")
    assert "Nothing to do" in again.stderr


def test_another_title_draws_the_report_anew(last: RunFolder, tmp_path: Path) -> None:
    before = last.report_file.read_bytes()
    done = go_on(last, tmp_path / "run", "--title", "Another night")
    assert done.exit_code == 0, done.stderr
    assert "Another night" in (tmp_path / "run" / "report" / "index.html").read_text()
    assert os.path.samefile(
        last.table_file("units"), RunFolder(tmp_path / "run").table_file("units")
    )
    assert last.report_file.read_bytes() == before and b"Another night" not in before


@pytest.mark.parametrize(
    ("previous", "says"), [("absent", "not the folder of an audit"), ("run", "run folder itself")]
)
def test_a_previous_run_that_cannot_be(
    last: RunFolder, tmp_path: Path, previous: str, says: str
) -> None:
    done = go_on(last, tmp_path / "run", "--previous", str(tmp_path / previous))
    assert done.exit_code == 1 and says in done.stderr and "Traceback" not in done.output
    assert not (tmp_path / "run").exists()
