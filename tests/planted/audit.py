"""Audits a dataset of the benchmark, without Prefect and Dask."""

from __future__ import annotations

import shutil
from pathlib import Path

from tasks.config import AuditConfig, load_config
from tasks.tables.storage import RunFolder
from tests.planted.dataset import SETTINGS
from tests.tasks.tiny_audit import run_audit


def audit_in_process(config: AuditConfig) -> RunFolder:
    """Both passes and what is made of them, in this process; what is done already stays."""
    return run_audit(config)


def audit_dataset(folder: Path, masked: bool, budget: float | None = None) -> RunFolder:
    """Audit what `write_dataset` wrote, with or without its masks; anew, since the audit's own
    code may have changed.

    budget : forwards of the second pass per image; None: the audit's default
    """
    out = folder / ("run" if masked else "run_no_masks")
    shutil.rmtree(out, ignore_errors=True)
    given = {"out": str(out), "second_pass": budget}
    return audit_in_process(load_config(folder / SETTINGS[masked], given))
