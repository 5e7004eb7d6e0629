"""The command's flags, what it prints and its exit status, with made-up audits."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.planted import __main__ as command
from tests.planted.__main__ import main
from tests.planted.arms import ARMS
from tests.planted.measured import Measured
from tests.planted.run import QUICK, Benchmark
from tests.planted.test_gates import audit


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], Benchmark()),
        (["--quick"], QUICK),
        (
            ["--seeds", "2", "--arms", "tag,clean", "--second-pass", "3"],
            Benchmark(arms=("tag", "clean"), seeds=2, budget=3.0),
        ),
    ],
)
@pytest.mark.parametrize("false_alarms", [[], ["predicted mug"]])
def test_the_status_is_that_of_the_gates(
    flags: list[str],
    expected: Benchmark,
    false_alarms: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = []

    def measure_all(
        benchmark: Benchmark, data: Path, tell: Callable[[str], None]
    ) -> list[Measured]:
        asked.append(benchmark)
        return [audit(), audit("clean", taken_up=[], false_alarms=false_alarms)]

    monkeypatch.setattr(command, "measure_all", measure_all)
    monkeypatch.setattr(sys, "argv", ["planted", *flags, "--out", str(tmp_path)])
    assert main() == len(false_alarms)
    assert asked == [expected]
    printed = capsys.readouterr().out
    assert printed.count("pass  ") == 5 - len(false_alarms)
    assert printed.count("MISS  ") == len(false_alarms)
    assert (tmp_path / "README.md").exists()


def test_every_arm_is_run_by_default() -> None:
    assert Benchmark().arms == tuple(ARMS)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--arms", "texture,nosuch"], "no arm is named nosuch; known: texture, tag"),
        (["--seeds", "0"], "--seeds must be at least 1; got 0"),
        (["--generate-only"], "--generate-only needs --keep FOLDER"),
    ],
)
def test_wrong_flags_are_named(
    flags: list[str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["planted", *flags])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert told in capsys.readouterr().err
