"""What `camaudit faithfulness` measured, where it did."""

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tasks.tables.storage import RunFolder


@dataclass(frozen=True)
class StoredFaithfulness:
    """facts : content of faithfulness.json
    summary, curves : as stored
    """

    facts: dict[str, Any]
    summary: pd.DataFrame
    curves: pd.DataFrame


def load_faithfulness(run: RunFolder) -> StoredFaithfulness | None:
    """None where nothing was measured, or not to its end: the mark is written last."""
    try:
        facts: dict[str, Any] = json.loads(run.faithfulness_file.read_text())
    except (OSError, ValueError):
        return None
    return StoredFaithfulness(
        facts=facts,
        summary=run.dataset("faithfulness_summary").to_table().to_pandas(),
        curves=run.dataset("faithfulness_curves").to_table().to_pandas(),
    )
