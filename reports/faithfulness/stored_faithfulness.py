"""What `camaudit faithfulness` measured, where it did."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from tasks.tables.completion import added_facts
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
    facts = added_facts(run, "faithfulness")
    if facts is None:
        return None
    return StoredFaithfulness(
        facts=facts,
        summary=run.dataset("faithfulness_summary").to_table().to_pandas(),
        curves=run.dataset("faithfulness_curves").to_table().to_pandas(),
    )
