from pathlib import Path

import pytest

from reports.build import build_report
from tests.reports.small_run import SmallRun, write_small_run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> SmallRun:
    """A labelled run with mistakes; tests must not change it."""
    return write_small_run(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def report(run: SmallRun) -> Path:
    """The folder of its report."""
    return build_report(run.folder).parent
