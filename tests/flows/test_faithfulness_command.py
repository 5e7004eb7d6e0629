"""The command on a tiny audit: what it prints, and that a mistake is one plain error."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from flows.cli import app
from flows.faithfulness_table import print_faithfulness
from reports.faithfulness.stored_faithfulness import StoredFaithfulness
from tasks.tables.storage import RunFolder
from tests.reports import faithfulness_numbers as numbers
from tests.tasks.measured_audit import facts, finished_audit


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return finished_audit(tmp_path_factory.mktemp("audit"), 4)


def call(run: RunFolder, *flags: str) -> Result:
    return CliRunner().invoke(app, ["faithfulness", str(run.root), *flags])


def test_it_measures_and_draws_the_report_again(run: RunFolder) -> None:
    (run.root.parent / "1.png").rename(run.root.parent / "hidden")
    flags = ["--methods", "gradcam, layercam", "--measures", "road,object_energy", "--seed", "2"]
    result = call(run, *flags, "--images", "9", "--steps", "3")
    (run.root.parent / "hidden").rename(run.root.parent / "1.png")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    page = run.report_file.with_name("faithfulness.html")
    assert lines[-1] == str(page) and page.exists()
    assert any("layercam" in line for line in lines) and any("random order" in li for li in lines)
    told = result.stderr
    assert "2 methods and 3 baselines on 4 of 4 images: 18 forwards per map, 360 in all" in told
    assert "1.png can no longer be read" in told
    assert (facts(run)["seed"], facts(run)["steps"], facts(run)["images"]) == (2, 3, 3)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--methods", "gradcm"], ["method 'gradcm' is unknown", "closest"]),
        (["--methods", ","], ["methods: expected at least one"]),
        (["--measures", "blur"], ["measure 'blur' is unknown", "deletion_blur"]),
        (["--images", "0"], ["images: expected at least 1"]),
        (["--steps", "-1"], ["steps: expected 1 to"]),
        (["--device", "tpu"], ["device: expected auto, cpu or cuda, got 'tpu'"]),
    ],
)
def test_a_wrong_flag_is_one_plain_error(
    run: RunFolder, flags: list[str], words: list[str]
) -> None:
    before = {file: file.read_bytes() for file in run.root.rglob("*") if file.is_file()}
    result = call(run, *flags)
    assert result.exit_code == 1 and "Traceback" not in result.output
    assert all(word in result.stderr for word in words), result.stderr
    assert {file: file.read_bytes() for file in run.root.rglob("*") if file.is_file()} == before


def test_a_folder_that_is_no_audit(tmp_path: Path) -> None:
    result = call(RunFolder(tmp_path))
    assert result.exit_code == 1 and "not the folder of an audit" in result.stderr


def test_stopped_by_the_keyboard(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tasks.faithfulness.stage.measure_faithfulness", stop)
    result = call(run)
    assert result.exit_code == 130 and "Nothing of this measurement is stored" in result.stderr


@pytest.mark.parametrize("width", [60, 80, 140, 400])
def test_the_table_fits_and_holds_every_number(width: int) -> None:
    summary = numbers.table()
    console = Console(width=width, record=True, file=io.StringIO())
    print_faithfulness(StoredFaithfulness({"reference": "gradcam++"}, summary, summary), console)
    text = console.export_text()
    assert all(len(line) <= width for line in text.splitlines())
    for row in summary.itertuples():
        share = row.measure in ("object_energy", "pointing_hit") or row.measure[:4] == "aver"
        value = f"{100 * row.value:.1f} %" if share else f"{row.value:.3f}"
        scale, digits = (100, 1) if share else (1, 3)
        bounds = f"[{scale * row.low:.{digits}f}, {scale * row.high:.{digits}f}]"
        cell = f"{'* ' if row.among_best else ''}{value} {bounds}".replace("-", "−")
        own = [line for line in text.splitlines() if f"│ {row.method} " in line]
        cells = [part.strip() for line in own for part in line.split("│")]
        assert cell in cells, (row.method, row.measure)
