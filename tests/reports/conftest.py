from pathlib import Path

import pytest

from reports.build import build_report
from tests.reports import (
    background_numbers,
    faithfulness_numbers,
    localization_numbers,
    unit_numbers,
)
from tests.reports.small_run import SmallRun, write_small_run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> SmallRun:
    """A labelled run with mistakes, measured; tests must not change it."""
    run = write_small_run(tmp_path_factory.mktemp("small"))
    faithfulness_numbers.write(run.folder)
    background_numbers.write(run.folder)
    localization_numbers.write(run.folder)
    unit_numbers.write(run.folder)
    return run


@pytest.fixture(scope="session")
def report(run: SmallRun) -> Path:
    """The folder of its report."""
    return build_report(run.folder).parent
