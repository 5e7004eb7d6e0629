"""The command line of `camaudit prune`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tests.tasks.test_retention import make_run


def prune(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["prune", *words])
    return done.exit_code, done.stdout, done.stderr


def test_it_says_what_goes_and_what_that_frees(tmp_path: Path) -> None:
    for number in range(4):
        make_run(tmp_path, number)
    code, out, _ = prune(str(tmp_path), "--keep", "2", "--dry-run")
    assert code == 0 and len(list(tmp_path.iterdir())) == 4
    # 1,000 bytes, and audit.json of 14 and complete.json of two.
    assert out.splitlines() == [
        f"would remove {tmp_path / 'run-00'} (1016 bytes that no other run has)",
        f"would remove {tmp_path / 'run-01'} (1016 bytes that no other run has)",
        "2 runs to remove, 2.0 KiB to free; 2 kept",
    ]
    code, out, _ = prune(str(tmp_path), "--keep", "2")
    assert code == 0 and sorted(p.name for p in tmp_path.iterdir()) == ["run-02", "run-03"]
    assert out.splitlines()[-1] == "2 runs removed, 2.0 KiB freed; 2 kept"
    assert prune(str(tmp_path), "--keep", "2")[1] == "0 runs removed, 0 bytes freed; 2 kept\n"


def test_a_folder_without_runs_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    code, out, errors = prune(str(tmp_path))
    assert code == 0 and out == "0 runs removed, 0 bytes freed; 0 kept\n"
    assert "No audit lies directly in" in errors and (tmp_path / "photographs").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("absent",), "not a folder"), (("run-00",), "is one run"),
        ((".", "--keep", "0"), "from 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_pruned_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], says: str
) -> None:
    make_run(tmp_path, 0)
    monkeypatch.chdir(tmp_path)
    code, _, errors = prune(*words)
    assert code == 1 and says in errors and "Traceback" not in errors
    assert (tmp_path / "run-00" / "tables" / "own").exists()
